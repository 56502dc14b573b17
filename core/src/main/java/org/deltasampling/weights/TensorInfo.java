package org.deltasampling.weights;

import java.util.Arrays;
import org.bytedeco.pytorch.LongArrayRef;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** What a file says of a tensor without reading it. */
public record TensorInfo(torch.ScalarType type, long[] shape) {

    public TensorInfo {
        type = type.intern(); // what native code returns is not the constant itself
        shape = shape.clone();
    }

    @Override
    public long[] shape() {
        return shape.clone();
    }

    /** What {@code tensor} is. */
    public static TensorInfo of(Tensor tensor) {
        try (LongArrayRef sizes = tensor.sizes()) {
            long[] shape = new long[(int) sizes.size()];
            for (int i = 0; i < shape.length; i++) {
                shape[i] = sizes.get(i);
            }
            return new TensorInfo(tensor.scalar_type(), shape);
        }
    }

    /** Number of elements. */
    public long count() {
        return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TensorInfo o && type == o.type && Arrays.equals(shape, o.shape);
    }

    @Override
    public int hashCode() {
        return 31 * type.hashCode() + Arrays.hashCode(shape);
    }

    @Override
    public String toString() {
        return type + Arrays.toString(shape);
    }
}
