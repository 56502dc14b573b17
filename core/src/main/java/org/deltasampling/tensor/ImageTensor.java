package org.deltasampling.tensor;

import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * Images in native memory, (batch, 3, height, width): red, green and blue, about -1 to 1. Every operation makes new ones in
 * the current {@link TensorScope}.
 */
public record ImageTensor(Tensor tensor) implements TensorValue, Carried {

    @Override
    public List<ImageTensor> tensors() {
        return List.of(this);
    }

    /** Width and height in pixels. */
    public PixelSize size() {
        return new PixelSize(Math.toIntExact(tensor.size(3)), Math.toIntExact(tensor.size(2)));
    }

    /** The same images at another size: mean values where they shrink, bilinear where they grow; these if they have it. */
    public ImageTensor resized(PixelSize size) {
        return size.equals(size()) ? this : new ImageTensor(Resizing.resized(tensor, size.width(), size.height()));
    }

    /** Every value held to [-1, 1]. */
    public ImageTensor clamped() {
        return new ImageTensor(tensor.clamp(new ScalarOptional(new Scalar(-1.0)), new ScalarOptional(new Scalar(1.0))));
    }
}
