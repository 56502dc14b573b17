package org.deltasampling;

import java.util.Arrays;
import org.assertj.core.api.AbstractAssert;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;

/** AssertJ's assertions for tensors: {@code assertThat(tensor).isCloseTo(expected, tolerance)}. */
public final class TensorAssert extends AbstractAssert<TensorAssert, Tensor> {

    private TensorAssert(Tensor actual) {
        super(actual, TensorAssert.class);
    }

    public static TensorAssert assertThat(Tensor actual) {
        return new TensorAssert(actual);
    }

    public static TensorAssert assertThat(Latent actual) {
        return new TensorAssert(actual.tensor());
    }

    /** Same shape and {@code max|actual - expected| <= tolerance * max|expected|}; what is not a number is not close. */
    public TensorAssert isCloseTo(Tensor expected, double tolerance) {
        isNotNull();
        hasShape(shape(expected));
        double error = error(actual, expected);
        if (!(error <= tolerance)) {
            failWithMessage("max|a - b| is %.3g of max|b|, more than %.3g", error, tolerance);
        }
        return this;
    }

    /** As {@link #isCloseTo(Tensor, double)}. */
    public TensorAssert isCloseTo(Latent expected, double tolerance) {
        return isCloseTo(expected.tensor(), tolerance);
    }

    /** Same shape and the same value everywhere. */
    public TensorAssert isSameAs(Tensor expected) {
        return isCloseTo(expected, 0);
    }

    public TensorAssert hasShape(long... expected) {
        isNotNull();
        if (!Arrays.equals(shape(actual), expected)) {
            failWithMessage("shape is %s, not %s", Arrays.toString(shape(actual)), Arrays.toString(expected));
        }
        return this;
    }

    /** {@code max|a - b| / max|b|}, the kit's measure; NaN if either has one. */
    public static double error(Tensor a, Tensor b) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor expected = b.to(torch.ScalarType.Double);
            double difference =
                    a.to(torch.ScalarType.Double).sub(expected).abs().max().item_double();
            return difference == 0 ? 0 : difference / expected.abs().max().item_double();
        }
    }

    private static long[] shape(Tensor tensor) {
        return tensor.sizes().vec().get();
    }
}
