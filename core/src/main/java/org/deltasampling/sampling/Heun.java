package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * Euler there, a second look, and the whole step again along the mean of both (Karras et al. 2022, algorithm 1 without
 * churn). The step to no noise is Euler's: two evaluations a step, one for the last.
 */
enum Heun implements Sampler {
    /** Along the mean of both noises. */
    OF_NOISES {
        @Override
        Latent step(Step step, Latent x, Latent clean, Latent there, Latent cleanThere) {
            Latent here = step.from().noise(x, clean);
            Latent ahead = step.to().noise(there, cleanThere);
            return step.stepByNoise(x, Latent.combine(0.5, here, 0.5, ahead));
        }
    },

    /**
     * Along the mean of both velocities {@code dx/ds = (x - D) / s} of a flow, which may begin in noise alone: diffusers'
     * FlowMatchHeunDiscrete without churn.
     */
    OF_VELOCITIES {
        @Override
        Latent step(Step step, Latent x, Latent clean, Latent there, Latent cleanThere) {
            Latent here = velocity(x, clean, step.from());
            Latent ahead = velocity(there, cleanThere, step.to());
            return x.plus((step.to().sigma() - step.from().sigma()) / 2, here.plus(ahead));
        }
    };

    /** The whole step from {@code x}, by what is clean in it and in {@code there}, where Euler's method takes it. */
    abstract Latent step(Step step, Latent x, Latent clean, Latent there, Latent cleanThere);

    @Override
    public Latent sample(Denoiser denoiser, Latent x, List<Step> plan, NoiseSource noise, StepListener listener) {
        return SamplerState.follow(plan, x, denoiser, listener, (at, i, clean) -> {
            Step step = plan.get(i);
            Latent there = step.stepByDenoised(at.x(), clean);
            return new SamplerState(
                    step.to().sigma() == 0
                            ? there
                            : step(step, at.x(), clean, there, denoiser.denoise(there, step.to())),
                    List.of());
        });
    }

    private static Latent velocity(Latent x, Latent clean, NoiseLevel n) {
        return x.minus(clean).times(1 / n.sigma());
    }
}
