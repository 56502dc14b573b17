package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * Euler to a lower level than asked for and fresh noise back up: {@code x' = alpha' D + sqrt(sigma'^2 - up^2) n + up z} with
 * {@code up = sigma' sqrt(1 - (kappa' / kappa)^2)}, DDIM with eta 1 (docs/method.md 1.6).
 */
record EulerAncestral() implements Sampler {

    @Override
    public Latent sample(Denoiser denoiser, Latent start, List<Step> plan, NoiseSource noise, StepHook hook) {
        return SamplerState.follow(plan, start, denoiser, hook, (x, i, denoised) -> {
            Step step = plan.get(i);
            double ratio = step.to().kappa() / step.from().kappa();
            double up = step.to().sigma() * Math.sqrt(1 - ratio * ratio);
            double down = step.to().sigma() * ratio; // sqrt(sigma'^2 - up^2)
            Step lower = new Step(
                    step.from(),
                    new NoiseLevel(step.to().timestep(), down, step.to().alpha()));
            Latent arrived = lower.stepByDenoised(x, denoised);
            return up == 0 ? arrived : arrived.plus(up, noise.draw(x.shape()));
        });
    }
}
