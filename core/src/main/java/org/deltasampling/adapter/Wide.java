package org.deltasampling.adapter;

import java.util.Arrays;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.weights.TensorInfo;

/** Arithmetic with weights in float32 at least, whatever type they are stored in; gradients pass. */
final class Wide {

    private Wide() {}

    /** {@code weight} in float64 if it is of that type, else in float32. */
    static Tensor of(Tensor weight) {
        return weight.to(type(weight));
    }

    /** {@code tensor} in the memory and the wide type of {@code weight}. */
    static Tensor like(Tensor tensor, Tensor weight) {
        return tensor.to(weight.device(), type(weight));
    }

    /** {@code weight + scale * change} in the type and shape of {@code weight}, whose elements {@code change} has in order. */
    static Tensor add(Tensor weight, Tensor change, double scale) {
        Tensor shaped = like(change, weight).reshape(TensorInfo.of(weight).shape());
        return of(weight).add(shaped, new Scalar(scale)).to(weight.scalar_type().intern());
    }

    /** Number of elements of a tensor of that shape. */
    static long count(long[] shape) {
        return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }

    private static torch.ScalarType type(Tensor weight) {
        torch.ScalarType type = weight.scalar_type().intern();
        return type == torch.ScalarType.Double ? type : torch.ScalarType.Float;
    }
}
