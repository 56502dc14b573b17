package org.deltasampling.diffusion;

import org.deltasampling.tensor.Latent;

/** What a network's output means, as an invertible pair (science.md 1.2), for x = alpha * clean + sigma * noise. */
public enum Parameterization {
    /** The noise: clean = (x - sigma * out) / alpha. */
    EPSILON {
        @Override
        public Latent denoised(Latent x, Latent out, NoiseLevel n) {
            return x.plus(-n.sigma(), out).times(1 / n.alpha());
        }

        @Override
        public Latent output(Latent x, Latent clean, NoiseLevel n) {
            return x.plus(-n.alpha(), clean).times(1 / n.sigma());
        }
    },
    /** v = alpha * noise - sigma * clean, in variance-preserving coordinates (alpha^2 + sigma^2 = 1). */
    V_PREDICTION {
        @Override
        public Latent denoised(Latent x, Latent out, NoiseLevel n) {
            return Latent.combine(n.alpha(), x, -n.sigma(), out);
        }

        @Override
        public Latent output(Latent x, Latent clean, NoiseLevel n) {
            return Latent.combine(n.alpha(), x, -1, clean).times(1 / n.sigma());
        }
    },
    /** Rectified flow, u = noise - clean, in flow coordinates (alpha + sigma = 1). */
    FLOW {
        @Override
        public Latent denoised(Latent x, Latent out, NoiseLevel n) {
            return x.plus(-n.sigma(), out);
        }

        @Override
        public Latent output(Latent x, Latent clean, NoiseLevel n) {
            return x.minus(clean).times(1 / n.sigma());
        }
    };

    /** The clean latent that {@code out} means. */
    public abstract Latent denoised(Latent x, Latent out, NoiseLevel n);

    /** The network output that means {@code clean}: the inverse of {@link #denoised}. */
    public abstract Latent output(Latent x, Latent clean, NoiseLevel n);
}
