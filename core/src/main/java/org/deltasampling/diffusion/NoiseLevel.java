package org.deltasampling.diffusion;

/**
 * A noise level in a model's own coordinates: {@code x = alpha * clean + sigma * noise}.
 *
 * @param timestep what the network is told, in training steps, not necessarily whole
 * @param sigma weight of the unit noise
 * @param alpha weight of the clean latent; 1 in variance-exploding, sqrt(1 - sigma^2) in variance-preserving, 1 - sigma in
 *     flow coordinates
 */
public record NoiseLevel(double timestep, double sigma, double alpha) {

    /** {@code sigma / alpha}: equal between two models means the same noise level (science.md 1.1); infinite at alpha 0. */
    public double kappa() {
        return sigma / alpha;
    }
}
