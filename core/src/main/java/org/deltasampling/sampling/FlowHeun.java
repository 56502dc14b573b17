package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * Heun's method for flows: as {@link Heun}, along the mean of both velocities {@code dx/ds = (x - D) / s} instead of both
 * noises, so that it may begin in noise alone. diffusers' FlowMatchHeunDiscrete without churn.
 */
record FlowHeun() implements Sampler {

    @Override
    public Latent sample(Denoiser denoiser, Latent x, List<Step> plan, NoiseSource noise, StepListener listener) {
        return Trail.follow(plan, x, denoiser, listener, (at, i, clean) -> {
            Step step = plan.get(i);
            Latent there = step.towards(at.x(), clean);
            if (step.to().sigma() == 0) {
                return new Trail(there, List.of());
            }
            Latent here = velocity(at.x(), clean, step.from());
            Latent ahead = velocity(there, denoiser.denoise(there, step.to()), step.to());
            double half = (step.to().sigma() - step.from().sigma()) / 2;
            return new Trail(at.x().plus(half, here.plus(ahead)), List.of());
        });
    }

    private static Latent velocity(Latent x, Latent clean, NoiseLevel n) {
        return x.minus(clean).times(1 / n.sigma());
    }
}
