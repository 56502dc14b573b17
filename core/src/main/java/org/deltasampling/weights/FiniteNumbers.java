package org.deltasampling.weights;

import org.bytedeco.pytorch.Tensor;
import org.deltasampling.tensor.TensorScope;

/** The check that a tensor holds numbers: one NaN or infinity makes every value of an image NaN. */
public final class FiniteNumbers {

    private FiniteNumbers() {}

    /**
     * Does nothing if every value of {@code tensor} is a finite number.
     *
     * @param origin the file that it is from, for the message
     * @param name what that file calls it
     * @throws BadWeightsException naming both otherwise
     */
    public static void require(Tensor tensor, String origin, String name) {
        try (TensorScope scope = TensorScope.open()) {
            if (tensor.is_floating_point() && !tensor.isfinite().all().item_bool()) {
                throw new BadWeightsException(
                        "%s holds values that are not finite numbers (NaN or infinity) in %s: download or copy it again, or use another file"
                                .formatted(origin, name));
            }
        }
    }
}
