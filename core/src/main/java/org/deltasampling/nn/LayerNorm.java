package org.deltasampling.nn;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Normalizes over the last axis; weight and bias (width). */
public record LayerNorm(Tensor weight, Tensor bias, long width, double eps) {

    public static LayerNorm of(Parameters p, long width, double eps) {
        return new LayerNorm(p.get("weight", width), p.get("bias", width), width, eps);
    }

    /** The norm alone, without weight and bias; x (..., width) to the same shape. */
    public static Tensor plain(Tensor x, double eps) {
        return torch.layer_norm(x, new long[] {x.size(-1)}, new TensorOptional(), new TensorOptional(), eps, true);
    }

    /** x (..., width) to the same shape. */
    public Tensor apply(Tensor x) {
        return torch.layer_norm(x, new long[] {width}, new TensorOptional(weight), new TensorOptional(bias), eps, true);
    }
}
