package org.deltasampling.weights;

import java.util.Arrays;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A tensor that a pickle describes: a view of a storage, within its bounds.
 *
 * @param strides in elements; elements may share their place
 * @param begin where in the whole storage its first element is, in bytes
 * @param bytes from its first to its last element, both included
 */
record PickledTensor(PickledStorage storage, FileType type, long[] shape, long[] strides, long begin, long bytes) {

    /** More elements than any file holds, so few that their bytes can be counted. */
    private static final long MOST = Long.MAX_VALUE / 64;

    /**
     * That of {@code storage} as PyTorch rebuilds it.
     *
     * @param first element, counted from the storage's begin
     * @return null if it is not within the storage
     */
    static @Nullable PickledTensor of(PickledStorage storage, FileType type, long first, long[] shape, long[] strides) {
        long available = storage.bytes() / type.bytes();
        if (shape.length != strides.length || shape.length > SafetensorsHeader.MAX_AXES || first < 0) {
            return null;
        }
        boolean empty = Arrays.stream(shape).anyMatch(n -> n == 0);
        long count = 1;
        long last = 0;
        for (int i = 0; i < shape.length; i++) {
            long steps = empty ? 0 : shape[i] - 1;
            if (shape[i] > MOST / count || (steps > 0 && strides[i] > available / steps)) {
                return null;
            }
            count *= Math.max(1, shape[i]);
            last += steps * strides[i];
        }
        long elements = empty ? 0 : last + 1;
        if (elements > available || first > available - elements) {
            return null;
        }
        return new PickledTensor(
                storage, type, shape, strides, storage.begin() + first * type.bytes(), elements * type.bytes());
    }

    TensorInfo info() {
        return new TensorInfo(type.type(), shape);
    }

    /** The tensor, contiguous, in {@code range}: (bytes), its own part of the storage. */
    Tensor in(Tensor range) {
        Tensor numbers = range.view(type.type());
        return isContiguous()
                ? numbers.view(shape)
                : numbers.as_strided(shape, strides).contiguous();
    }

    /** What it takes when it is loaded. */
    long loadedBytes() {
        return Math.max(bytes, info().count() * type.bytes());
    }

    /** Whether its elements lie one after the other, so that the file's bytes are the tensor. */
    boolean isContiguous() {
        long next = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            if (shape[i] > 1 && strides[i] != next) {
                return bytes == 0;
            }
            next *= shape[i];
        }
        return true;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof PickledTensor o
                && storage.key().equals(o.storage.key())
                && type == o.type
                && begin == o.begin
                && Arrays.equals(shape, o.shape)
                && Arrays.equals(strides, o.strides);
    }

    @Override
    public int hashCode() {
        return Objects.hash(storage.key(), begin, Arrays.hashCode(shape));
    }
}
