package org.deltasampling.weights;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/** Borrowed tensors by name. */
record TensorMap(Map<String, Tensor> tensors) implements WeightSource {

    TensorMap {
        tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    }

    @Override
    public Set<String> names() {
        return tensors.keySet();
    }

    @Override
    public TensorInfo info(String name) {
        return TensorInfo.of(tensor(name));
    }

    @Override
    public Tensor load(String name) {
        return tensor(name);
    }

    @Override
    public boolean keeps(String name) {
        return true;
    }

    private Tensor tensor(String name) {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new BadWeightsException("there is no tensor %s%s".formatted(name, Nearest.hint(name, names())));
        }
        return tensor;
    }
}
