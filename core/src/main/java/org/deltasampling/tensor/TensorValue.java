package org.deltasampling.tensor;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/** A value that is one tensor, such as a latent or an image. */
public interface TensorValue {

    /** The native tensor; borrowed from the region that owns it. */
    Tensor tensor();

    /** Whether every element is a finite number: neither NaN nor infinite. */
    default boolean isFinite() {
        try (PointerScope temporaries = new PointerScope()) {
            return tensor().isfinite().all().item_bool();
        }
    }
}
