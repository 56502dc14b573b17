package org.deltasampling.diffusion;

import org.deltasampling.tensor.Latent;

/** What a network's output means, as an invertible pair (science.md 1.2), for x = alpha * x0 + sigma * noise. */
public enum Parameterization {
    /** The noise: x0 = (x - sigma * out) / alpha. */
    EPSILON {
        @Override
        public Latent denoised(Latent x, Latent out, NoiseLevel n) {
            return x.plus(-n.sigma(), out).times(1 / n.alpha());
        }

        @Override
        public Latent output(Latent x, Latent denoised, NoiseLevel n) {
            return x.plus(-n.alpha(), denoised).times(1 / n.sigma());
        }
    },
    /** v = alpha * noise - sigma * x0, in variance-preserving coordinates (alpha^2 + sigma^2 = 1). */
    V_PREDICTION {
        @Override
        public Latent denoised(Latent x, Latent out, NoiseLevel n) {
            return Latent.combine(n.alpha(), x, -n.sigma(), out);
        }

        @Override
        public Latent output(Latent x, Latent denoised, NoiseLevel n) {
            return Latent.combine(n.alpha(), x, -1, denoised).times(1 / n.sigma());
        }
    },
    /** The denoised latent itself: diffusers' {@code sample}. */
    SAMPLE {
        @Override
        public Latent denoised(Latent x, Latent out, NoiseLevel n) {
            return out;
        }

        @Override
        public Latent output(Latent x, Latent denoised, NoiseLevel n) {
            return denoised;
        }
    },
    /** The velocity of a rectified flow, u = noise - x0, in flow coordinates (alpha + sigma = 1). */
    FLOW {
        @Override
        public Latent denoised(Latent x, Latent out, NoiseLevel n) {
            return x.plus(-n.sigma(), out);
        }

        @Override
        public Latent output(Latent x, Latent denoised, NoiseLevel n) {
            return x.minus(denoised).times(1 / n.sigma());
        }
    };

    /** The denoised latent (predicted x0) that {@code out} means. */
    public abstract Latent denoised(Latent x, Latent out, NoiseLevel n);

    /** The network output that means {@code denoised}: the inverse of {@link #denoised}. */
    public abstract Latent output(Latent x, Latent denoised, NoiseLevel n);
}
