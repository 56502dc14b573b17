package org.deltasampling.model.mmdit;

import org.bytedeco.pytorch.Tensor;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.SinusoidalEmbedding;
import org.deltasampling.nn.TimestepEmbedding;

/** What adaptive norms are made from: the timestep and the pooled text. */
record TimeTextEmbedding(TimestepEmbedding time, Linear pooled1, Linear pooled2) {

    /** Of a timestep's sinusoidal embedding. */
    private static final long SINUSOIDS = 256;

    static TimeTextEmbedding of(Parameters p, long pooledWidth, long width) {
        return new TimeTextEmbedding(
                TimestepEmbedding.of(p.at("timestep_embedder"), new SinusoidalEmbedding(true, 0), SINUSOIDS, width),
                Linear.of(p.at("text_embedder.linear_1"), pooledWidth, width),
                Linear.of(p.at("text_embedder.linear_2"), width, width));
    }

    /** Both added, after their activation, (b, d); {@code pooled} (b, pooledWidth). */
    Tensor apply(Tensor timesteps, Tensor pooled) {
        Tensor text = pooled2.apply(
                Activation.SILU.apply(pooled1.apply(pooled.to(pooled1.weight().scalar_type()))));
        return Activation.SILU.apply(time.apply(timesteps).add(text));
    }
}
