package org.deltasampling.nn;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** {@code y = x W^T + b}, weight (out, in), bias (out). */
public record Linear(Tensor weight, @Nullable Tensor bias) {

    public static Linear of(Parameters p, long in, long out) {
        return new Linear(p.get("weight", out, in), p.get("bias", out));
    }

    public static Linear withoutBias(Parameters p, long in, long out) {
        return new Linear(p.get("weight", out, in), null);
    }

    /** x (..., in) to (..., out). */
    public Tensor apply(Tensor x) {
        return bias == null ? torch.linear(x, weight) : torch.linear(x, weight, new TensorOptional(bias));
    }
}
