package org.deltasampling.delta;

import java.util.function.ToDoubleFunction;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.tensor.Latent;

/** The exact denoiser of independent Gaussians, bent so that it is not linear. */
public final class BentGaussian {

    private BentGaussian() {}

    /** Of mean {@code m} and deviation {@code s}; {@code bend} says how much of a hyperbolic tangent comes on top at a level. */
    public static Denoiser of(double m, double s, ToDoubleFunction<NoiseLevel> bend) {
        return (x, n) -> {
            double total = n.alpha() * n.alpha() * s * s + n.sigma() * n.sigma();
            Latent linear = x.times(n.alpha() * s * s / total).plus(m * n.sigma() * n.sigma() / total);
            return linear.plus(bend.applyAsDouble(n), new Latent(linear.tensor().tanh()));
        };
    }
}
