package org.deltasampling.diffusion;

import org.deltasampling.tensor.Latent;

/**
 * A noise level in a model's own coordinates: {@code x = alpha * x0 + sigma * noise}.
 *
 * @param timestep what the network is given, in training steps, not necessarily whole
 * @param sigma weight of the unit noise
 * @param alpha weight of the denoised latent x0; 1 in variance-exploding, sqrt(1 - sigma^2) in variance-preserving, 1 - sigma in
 *     flow coordinates
 */
public record NoiseLevel(double timestep, double sigma, double alpha) {

    /** No noise at all. */
    public static final NoiseLevel CLEAN = new NoiseLevel(0, 0, 1);

    /** The level {@code kappa} in variance-preserving coordinates, alpha^2 + sigma^2 = 1. */
    public static NoiseLevel preserving(double timestep, double kappa) {
        double alpha = 1 / Math.sqrt(1 + kappa * kappa);
        return new NoiseLevel(timestep, kappa * alpha, alpha);
    }

    /** {@code sigma / alpha}: equal between two models means the same noise level (science.md 1.1); infinite at alpha 0. */
    public double kappa() {
        return sigma / alpha;
    }

    /** Half the logarithm of the signal-to-noise ratio, ln(alpha / sigma); infinite where there is no noise. */
    public double logSnr() {
        return Math.log(alpha / sigma);
    }

    /** The unit noise in {@code x} if {@code denoised} is what lies under it: (x - alpha * denoised) / sigma. */
    public Latent noise(Latent x, Latent denoised) {
        return Latent.combine(1 / sigma, x, -alpha / sigma, denoised);
    }

    /** The point of this level over {@code denoised} with {@code noise}: alpha * denoised + sigma * noise. */
    public Latent point(Latent denoised, Latent noise) {
        return Latent.combine(alpha, denoised, sigma, noise);
    }
}
