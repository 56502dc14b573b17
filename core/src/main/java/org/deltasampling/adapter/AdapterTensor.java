package org.deltasampling.adapter;

import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.weights.TensorInfo;

/** A tensor of an adapter, whose shape is known and which is loaded when it is needed. */
record AdapterTensor(TensorInfo info, Supplier<Tensor> source) {

    /** A tensor that is there already; borrowed. */
    static AdapterTensor of(Tensor tensor) {
        return new AdapterTensor(TensorInfo.of(tensor), () -> tensor);
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
