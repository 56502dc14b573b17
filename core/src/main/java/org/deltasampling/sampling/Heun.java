package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * Euler to the end of the step, a second evaluation there, and the whole step again by the mean of both predictions (Karras
 * et al. 2022, algorithm 1 without churn). The step to no noise is Euler's: two evaluations a step, one for the last.
 */
enum Heun implements Sampler {
    /** By the mean of both noises. */
    OF_NOISES {
        @Override
        Latent step(Step step, Latent x, Latent denoised, Latent ahead, Latent denoisedAhead) {
            Latent noise = step.from().noise(x, denoised);
            Latent noiseAhead = step.to().noise(ahead, denoisedAhead);
            return step.stepByNoise(x, Latent.combine(0.5, noise, 0.5, noiseAhead));
        }
    },

    /**
     * By the mean of both velocities {@code dx/ds = (x - D) / s} of a flow, which may begin in pure noise: diffusers'
     * FlowMatchHeunDiscrete without churn.
     */
    OF_VELOCITIES {
        @Override
        Latent step(Step step, Latent x, Latent denoised, Latent ahead, Latent denoisedAhead) {
            Latent velocity = velocity(x, denoised, step.from());
            Latent velocityAhead = velocity(ahead, denoisedAhead, step.to());
            return x.plus((step.to().sigma() - step.from().sigma()) / 2, velocity.plus(velocityAhead));
        }
    };

    /**
     * The whole step from {@code x}.
     *
     * @param ahead where Euler's method takes {@code x}
     * @param denoisedAhead the denoised latent there
     */
    abstract Latent step(Step step, Latent x, Latent denoised, Latent ahead, Latent denoisedAhead);

    @Override
    public Latent sample(Denoiser denoiser, Latent start, List<Step> plan, NoiseSource noise, StepHook hook) {
        return SamplerState.follow(plan, start, denoiser, hook, (x, i, denoised) -> {
            Step step = plan.get(i);
            Latent ahead = step.stepByDenoised(x, denoised);
            return step.to().sigma() == 0 ? ahead : step(step, x, denoised, ahead, denoiser.denoise(ahead, step.to()));
        });
    }

    private static Latent velocity(Latent x, Latent denoised, NoiseLevel n) {
        return x.minus(denoised).times(1 / n.sigma());
    }
}
