package org.deltasampling.weights;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.file.Quoted;
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
        if (!areAll(tensor)) {
            throw new BadWeightsException(
                    "%s holds values that are not finite numbers (NaN or infinity) in %s: download or copy it again, or use another file"
                            .formatted(origin, Quoted.of(name)));
        }
    }

    /** Every NaN and infinity shows in the sum, which takes a fraction of the time; but a sum may also overflow by itself. */
    private static boolean areAll(Tensor tensor) {
        if (!tensor.is_floating_point()) {
            return true;
        }
        try (TensorScope scope = TensorScope.open()) {
            Tensor wide =
                    tensor.element_size() == 1 ? tensor.to(torch.ScalarType.Float) : tensor; // no arithmetic in 8 bits
            return Double.isFinite(wide.sum().item_double())
                    || wide.isfinite().all().item_bool();
        }
    }
}
