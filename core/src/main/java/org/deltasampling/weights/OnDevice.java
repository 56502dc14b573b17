package org.deltasampling.weights;

import org.bytedeco.pytorch.Tensor;
import org.deltasampling.tensor.Device;

/** {@code source} in the memory of {@code device}. */
record OnDevice(WeightSource source, Device device) implements WeightView {

    @Override
    public Tensor load(String name) {
        return device.to(source.load(name));
    }
}
