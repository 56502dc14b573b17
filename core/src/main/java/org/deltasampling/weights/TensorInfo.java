package org.deltasampling.weights;

import java.util.Arrays;
import org.bytedeco.pytorch.global.torch;

/** What a file says of a tensor without reading it. */
public record TensorInfo(torch.ScalarType type, long[] shape) {

    public TensorInfo {
        shape = shape.clone();
    }

    @Override
    public long[] shape() {
        return shape.clone();
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
