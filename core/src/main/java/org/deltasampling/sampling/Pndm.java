package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.Step;
import org.deltasampling.diffusion.TrainedSchedule;
import org.deltasampling.tensor.Latent;
import org.jspecify.annotations.Nullable;

/**
 * Pseudo linear multistep (Liu et al. 2022): each step follows the Adams-Bashforth mean of up to four network outputs, with
 * the weights of steps equal in time. The first step is taken twice, the second time with the mean of the outputs at both
 * its ends, as latent diffusion does it (diffusers: {@code skip_prk_steps}); or the first three are Runge-Kutta steps of
 * four evaluations.
 *
 * @param averaged what is averaged: the paper has noises, diffusers whatever the network predicts, which is not the same
 *     because each output is for another level
 * @param rungeKutta the schedule that the half-way timesteps of Runge-Kutta steps are looked up in; null: no such steps
 */
record Pndm(Parameterization averaged, @Nullable TrainedSchedule rungeKutta) implements Sampler {

    private static final int RUNGE_KUTTA_STEPS = 3;

    /** Adams-Bashforth weights of the newest and the older outputs, by their number. */
    private static final double[][] WEIGHTS = {
        {1}, {3 / 2., -1 / 2.}, {23 / 12., -16 / 12., 5 / 12.}, {55 / 24., -59 / 24., 37 / 24., -9 / 24.}
    };

    @Override
    public Latent sample(Denoiser denoiser, Latent start, List<Step> plan, NoiseSource noise, StepHook hook) {
        return SamplerState.follow(plan, start, History.NONE, denoiser, hook, (at, i, denoised) -> {
            Step step = plan.get(i);
            Latent output = averaged.output(at.x(), denoised, step.from());
            History outputs = at.carried().with(output);
            Latent mean;
            if (rungeKutta != null && i < RUNGE_KUTTA_STEPS) {
                mean = rungeKutta(denoiser, at.x(), output, step, rungeKutta);
            } else if (i == 0 && plan.size() > 1) {
                mean = Latent.combine(
                        0.5,
                        output,
                        0.5,
                        ahead(denoiser, at.x(), output, step, plan.get(1).from()));
            } else {
                mean = mean(outputs.latents());
            }
            return new SamplerState<>(stepByOutput(at.x(), mean, step), outputs.newest(WEIGHTS.length - 1));
        });
    }

    private static Latent mean(List<Latent> outputs) {
        double[] weights = WEIGHTS[outputs.size() - 1];
        Latent mean = outputs.get(0).times(weights[0]);
        for (int j = 1; j < weights.length; j++) {
            mean = mean.plus(weights[j], outputs.get(j));
        }
        return mean;
    }

    /** The mean output of a classical Runge-Kutta step whose first output is {@code first}. */
    private Latent rungeKutta(Denoiser denoiser, Latent x, Latent first, Step step, TrainedSchedule trained) {
        int half = (int) (step.from().timestep() - step.to().timestep()) / 2;
        NoiseLevel middle = at(trained, step.from().timestep() - half);
        NoiseLevel end = at(trained, step.from().timestep() - 2 * half);
        Latent second = ahead(denoiser, x, first, new Step(step.from(), middle), middle);
        Latent third = ahead(denoiser, x, second, new Step(step.from(), middle), middle);
        Latent fourth = ahead(denoiser, x, third, new Step(step.from(), end), end);
        return first.times(1 / 6.).plus(1 / 3., second).plus(1 / 3., third).plus(1 / 6., fourth);
    }

    /** The network's output at {@code level}, where {@code step} leads if the output is {@code output} all the way. */
    private Latent ahead(Denoiser denoiser, Latent x, Latent output, Step step, NoiseLevel level) {
        Latent ahead = stepByOutput(x, output, step);
        return averaged.output(ahead, denoiser.denoise(ahead, level), level);
    }

    private Latent stepByOutput(Latent x, Latent output, Step step) {
        return step.stepByDenoised(x, averaged.denoised(x, output, step.from()));
    }

    private static NoiseLevel at(TrainedSchedule trained, double timestep) {
        return NoiseLevel.preserving(timestep, trained.kappa((int) timestep));
    }
}
