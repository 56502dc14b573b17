package org.deltasampling.nn;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** {@code weight x / sqrt(mean(x^2) + eps)} over the last axis; weight (width). */
public record RmsNorm(Tensor weight, long width, double eps) {

    public static RmsNorm of(Parameters p, long width, double eps) {
        return new RmsNorm(p.get("weight", width), width, eps);
    }

    /** x (..., width) to the same shape. */
    public Tensor apply(Tensor x) {
        return torch.rms_norm(x, new long[] {width}, new TensorOptional(weight), new DoubleOptional(eps));
    }
}
