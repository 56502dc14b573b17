package org.deltasampling.adapter;

import org.bytedeco.pytorch.Tensor;

/** A tensor that an adapter adds to the weight of a layer. */
interface Difference {

    /** Whether it has the elements of a weight of that shape. */
    boolean fits(long[] shape);

    /** The tensor (out, ...) of the whole layer. */
    Tensor load();
}
