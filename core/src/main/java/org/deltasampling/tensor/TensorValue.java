package org.deltasampling.tensor;

import org.bytedeco.pytorch.Tensor;

/** A value that is one tensor, such as a latent or an image. */
public interface TensorValue {

    /** The native tensor; borrowed from the region that owns it. */
    Tensor tensor();

    /** Whether no element is infinite or not a number. */
    default boolean isFinite() {
        return tensor().isfinite().all().item_bool();
    }
}
