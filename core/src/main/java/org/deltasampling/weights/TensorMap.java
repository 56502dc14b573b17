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
        return TensorInfo.of(Nearest.found(name, tensors, origin()));
    }

    @Override
    public Tensor load(String name) {
        return Nearest.found(name, tensors, origin());
    }

    @Override
    public boolean keeps(String name) {
        return true;
    }
}
