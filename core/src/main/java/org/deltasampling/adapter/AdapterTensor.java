package org.deltasampling.adapter;

import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.weights.TensorInfo;

/** A tensor of an adapter, whose shape is known and which is loaded when it is needed. */
record AdapterTensor(TensorInfo info, Supplier<Tensor> source) {

    /** A tensor that is there already; borrowed. */
    static AdapterTensor of(Tensor tensor) {
        return new AdapterTensor(TensorInfo.of(tensor), () -> tensor);
    }

    /** A tensor of {@code shape} in float32 that is made when it is needed. */
    static AdapterTensor computed(long[] shape, Supplier<Tensor> source) {
        return new AdapterTensor(new TensorInfo(torch.ScalarType.Float, shape), source);
    }

    /** What stands for a tensor that cannot be made, since what it is made of does not fit: it fits no weight. */
    static AdapterTensor misfit() {
        return computed(new long[0], () -> {
            throw new IllegalStateException("it fits no weight");
        });
    }

    long[] shape() {
        return info.shape();
    }

    /** Length of the first axis; 1 of a single number. */
    long rows() {
        return shape().length == 0 ? 1 : shape()[0];
    }

    /** Number of elements in each row. */
    long columns() {
        return rows() == 0 ? 0 : info.count() / rows();
    }

    /** The tensor; it belongs to the caller's scope, or to who gave it. */
    Tensor load() {
        return source.get();
    }
}
