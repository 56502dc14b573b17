package org.deltasampling.model;

import org.bytedeco.pytorch.Tensor;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.TensorScope;

/** {@code network}, whose weights are on {@code device}, called with tensors in the processor's memory. */
public record OnDevice(Backbone network, Device device) implements Backbone {

    @Override
    public Tensor predict(Tensor x, Tensor timesteps, Conditioning c) {
        return TensorScope.scopedTensor(
                () -> Device.CPU.to(network.predict(device.to(x), device.to(timesteps), c.map(device::to))));
    }
}
