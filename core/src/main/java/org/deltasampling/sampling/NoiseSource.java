package org.deltasampling.sampling;

import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.SeededNoise;

/** Standard normal noise, one source a trajectory; what it draws depends on how much was drawn before. */
@FunctionalInterface
public interface NoiseSource {

    /** Noise of {@code shape} (batch, channels, height, width), float32. */
    Latent draw(long... shape);

    /**
     * PyTorch's generator for each image of a batch, so that an image does not depend on its batch. Made in the region
     * of the whole trajectory; {@code seeds} has one seed for each image.
     */
    static NoiseSource seeded(long... seeds) {
        return new SeededNoise(seeds)::draw;
    }

    /** For samplers that add no noise: drawing is a mistake. */
    static NoiseSource none() {
        return shape -> {
            throw new IllegalStateException("a sampler that adds noise needs a source of it");
        };
    }
}
