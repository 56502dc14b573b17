package org.deltasampling.weights;

import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.tensor.Device;

/** {@code source} in the memory of {@code device}. */
record Moved(WeightSource source, Device device) implements WeightSource {

    @Override
    public Set<String> names() {
        return source.names();
    }

    @Override
    public TensorInfo info(String name) {
        return source.info(name);
    }

    @Override
    public Tensor load(String name) {
        return device.to(source.load(name));
    }

    @Override
    public boolean keeps(String name) {
        return source.keeps(name);
    }

    @Override
    public String spelling(String name) {
        return source.spelling(name);
    }
}
