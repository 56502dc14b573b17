package org.deltasampling.nn;

import org.bytedeco.pytorch.Tensor;

/**
 * The time embedding: a timestep's sinusoidal embedding through two linear layers.
 *
 * @param width of the sinusoidal embedding
 */
public record TimestepEmbedding(SinusoidalEmbedding sinusoids, long width, Linear linear1, Linear linear2) {

    public static TimestepEmbedding of(Parameters p, SinusoidalEmbedding sinusoids, long width, long out) {
        sinusoids.requireWidth(width);
        return new TimestepEmbedding(
                sinusoids, width, Linear.of(p.at("linear_1"), width, out), Linear.of(p.at("linear_2"), out, out));
    }

    /** timesteps (batch), float32, to (batch, out) in the weights' precision. */
    public Tensor apply(Tensor timesteps) {
        Tensor embedded = sinusoids.apply(timesteps, width).to(linear1.weight().scalar_type()); // (b, width)
        return linear2.apply(Activation.SILU.apply(linear1.apply(embedded))); // (b, out)
    }
}
