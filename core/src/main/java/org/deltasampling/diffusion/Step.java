package org.deltasampling.diffusion;

import org.deltasampling.tensor.Latent;

/**
 * One step of a sampling plan, from a noise level to a lower one. Its two solutions are exact for a constant guess and are
 * what every sampler here is built from (science.md 1.6); with the guess of this level both are Euler's step.
 */
public record Step(NoiseLevel from, NoiseLevel to) {

    /**
     * Where {@code x} goes if the clean latent is {@code clean} all the way: (sigma'/sigma) x + (alpha' - alpha
     * sigma'/sigma) clean. Finite for a start in pure noise (alpha = 0) and for an end without any (sigma' = 0).
     */
    public Latent stepByDenoised(Latent x, Latent clean) {
        double keep = to.sigma() / from.sigma();
        return Latent.combine(keep, x, to.alpha() - from.alpha() * keep, clean);
    }

    /**
     * Where {@code x} goes if the noise is {@code noise} all the way: (alpha'/alpha) x + (sigma' - sigma alpha'/alpha)
     * noise.
     */
    public Latent stepByNoise(Latent x, Latent noise) {
        double keep = to.alpha() / from.alpha();
        return Latent.combine(keep, x, to.sigma() - from.sigma() * keep, noise);
    }

    /** How far this goes in half log-SNR; infinite to no noise. */
    public double length() {
        return to.logSnr() - from.logSnr();
    }
}
