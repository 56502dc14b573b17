package org.deltasampling.adapter;

import org.bytedeco.pytorch.Tensor;

/** What an adapter does to one weight of a model; each kind of adapter is a class of its own. */
public interface WeightChange {

    /**
     * Whether it can change a weight of that shape.
     *
     * @param shape of the whole layer where the file stacks several weights of the model, such as queries, keys and values
     */
    boolean fits(long[] shape);

    /**
     * The changed weight, in the type, shape and memory of {@code weight}, which stays as it is.
     *
     * @param weight one that this {@link #fits}
     * @param strength 1 as the adapter was trained, 0 for no change
     */
    Tensor apply(Tensor weight, double strength);
}
