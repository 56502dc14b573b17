package org.deltasampling.nn;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Normalizes groups of neighbouring channels over the whole image; weight and bias (channels). */
public record GroupNorm(Tensor weight, Tensor bias, long groups, double eps) {

    public static GroupNorm of(Parameters p, long channels, long groups, double eps) {
        return new GroupNorm(p.get("weight", channels), p.get("bias", channels), groups, eps);
    }

    /** x (batch, channels, height, width) to the same shape. */
    public Tensor apply(Tensor x) {
        return torch.group_norm(x, groups, new TensorOptional(weight), new TensorOptional(bias), eps, true);
    }
}
