package org.deltasampling.nn;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Two-dimensional convolution, weight (out, in, kernel, kernel), bias (out), zeros around the edge. */
public record Conv2d(Tensor weight, Tensor bias, long stride, long padding) {

    /** Keeps the size of the image; {@code kernel} is odd. */
    public static Conv2d same(Parameters p, long in, long out, long kernel) {
        return of(p, in, out, kernel, 1, kernel / 2);
    }

    public static Conv2d of(Parameters p, long in, long out, long kernel, long stride, long padding) {
        return new Conv2d(p.get("weight", out, in, kernel, kernel), p.get("bias", out), stride, padding);
    }

    /** x (batch, in, height, width) to (batch, out, height', width'). */
    public Tensor apply(Tensor x) {
        return torch.conv2d(
                x,
                weight,
                new TensorOptional(bias),
                new long[] {stride, stride},
                new long[] {padding, padding},
                new long[] {1, 1},
                1);
    }
}
