package org.deltasampling.diffusion;

import java.util.List;
import org.deltasampling.tensor.Latent;

/**
 * One step of a sampling plan, from a noise level to a lower one. Its two solutions are exact where the prediction stays the
 * same all the way and are what every sampler here is built from (docs/method.md 1.6); with the prediction of this level both
 * are Euler's step.
 */
public record Step(NoiseLevel from, NoiseLevel to) {

    /**
     * Where {@code x} goes if the denoised latent is {@code denoised} all the way: (sigma'/sigma) x + (alpha' - alpha
     * sigma'/sigma) denoised. Finite for a start in pure noise (alpha = 0) and for an end without any (sigma' = 0).
     */
    public Latent stepByDenoised(Latent x, Latent denoised) {
        double keep = to.sigma() / from.sigma();
        return Latent.combine(keep, x, to.alpha() - from.alpha() * keep, denoised);
    }

    /**
     * Where {@code x} goes if the noise is {@code noise} all the way: (alpha'/alpha) x + (sigma' - sigma alpha'/alpha)
     * noise.
     */
    public Latent stepByNoise(Latent x, Latent noise) {
        double keep = to.alpha() / from.alpha();
        return Latent.combine(keep, x, to.sigma() - from.sigma() * keep, noise);
    }

    /**
     * The index in {@code plan} of the step that {@code level} belongs to. One inside a step, where a sampler looks ahead,
     * belongs to the step that begins there or next below; one below all of them to the last.
     *
     * @throws IllegalArgumentException if the plan is empty
     */
    public static int indexOf(List<Step> plan, NoiseLevel level) {
        if (plan.isEmpty()) {
            throw new IllegalArgumentException("the plan of the trajectory is not known");
        }
        long above = plan.stream()
                .filter(step -> step.from().kappa() > level.kappa())
                .count();
        return (int) Math.min(above, plan.size() - 1);
    }

    /** How far this goes in half log-SNR; infinite to no noise. */
    public double length() {
        return to.logSnr() - from.logSnr();
    }
}
