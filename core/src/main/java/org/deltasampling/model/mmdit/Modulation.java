package org.deltasampling.model.mmdit;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.nn.LayerNorm;
import org.deltasampling.nn.Linear;
import org.jspecify.annotations.Nullable;

/**
 * The adaptive part of a norm and of what follows it, made from the embedding of time and pooled text; each (b, 1, d).
 *
 * @param gate what the layer's result is multiplied by; null: nothing
 */
record Modulation(Tensor shift, Tensor scale, @Nullable Tensor gate) {

    /** A scale, then a shift (diffusers' {@code AdaLayerNormContinuous}). */
    static Modulation scaleAndShift(Linear linear, Tensor embedding) {
        Tensor chunks = linear.apply(embedding).unsqueeze(1); // (b, 1, 2 d)
        long width = linear.weight().size(1);
        return new Modulation(chunks.narrow(2, width, width), chunks.narrow(2, 0, width), null);
    }

    /** The chunks from {@code first} on: a shift, a scale and a gate (diffusers' {@code AdaLayerNormZero}). */
    static Modulation gated(Tensor chunks, long first, long width) {
        return new Modulation(
                chunks.narrow(2, first * width, width),
                chunks.narrow(2, (first + 1) * width, width),
                chunks.narrow(2, (first + 2) * width, width));
    }

    Tensor apply(Tensor normed) {
        return normed.mul(scale.add(new Scalar(1))).add(shift);
    }

    /** {@code x} and the layer's gated result. */
    Tensor add(Tensor x, Tensor result) {
        return x.add(gate == null ? result : result.mul(gate));
    }

    /** A layer norm without weights: adaptive norms modulate it. */
    static Tensor norm(Tensor x) {
        return LayerNorm.plain(x, JointBlock.EPS);
    }
}
