package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * Euler there, a second look, and the whole step again along the mean of both noises (Karras et al. 2022, algorithm 1
 * without churn). The step to no noise is Euler's: two evaluations a step, one for the last.
 */
record Heun() implements Sampler {

    @Override
    public Latent sample(Denoiser denoiser, Latent x, List<Step> plan, NoiseSource noise, StepListener listener) {
        return Trail.follow(plan, x, denoiser, listener, (at, i, clean) -> {
            Step step = plan.get(i);
            Latent there = step.towards(at.x(), clean);
            if (step.to().sigma() == 0) {
                return new Trail(there, List.of());
            }
            Latent here = step.from().noise(at.x(), clean);
            Latent ahead = step.to().noise(there, denoiser.denoise(there, step.to()));
            return new Trail(step.along(at.x(), Latent.combine(0.5, here, 0.5, ahead)), List.of());
        });
    }
}
