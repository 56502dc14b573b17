package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * DPM-Solver++, multistep (Lu et al. 2022): towards the denoised latent extrapolated through those of the steps before, in
 * log-SNR. The midpoint variant of order 2, "2M", goes towards {@code D + (D - D_before) / 2r} with r the ratio of the last
 * step's length to this one's. The first step and the one to no noise are first order.
 *
 * @param order 1 to 3
 * @param heun whether order 2 is Heun's variant, which integrates the line exactly, rather than the midpoint one
 * @param lowerOrderFinal whether the last of few steps are of lower order, as in diffusers
 * @param eulerAtFinal whether the last step is first order in any case
 */
record DpmPlusPlus(int order, boolean heun, boolean lowerOrderFinal, boolean eulerAtFinal) implements Sampler {

    /** As diffusers has it under {@code config}. */
    static DpmPlusPlus of(SchedulerConfig config) {
        SchedulerConfig.Solver solver = config.solver();
        return new DpmPlusPlus(
                solver.order(), solver.type().equals("heun"), solver.lowerOrderFinal(), solver.eulerAtFinal());
    }

    @Override
    public Latent sample(Denoiser denoiser, Latent start, List<Step> plan, NoiseSource noise, StepHook hook) {
        return SamplerState.follow(plan, start, History.NONE, denoiser, hook, (at, i, denoised) -> {
            Step step = plan.get(i);
            History history = at.carried().with(denoised);
            Latent extrapolated = extrapolated(plan, i, history.latents());
            return new SamplerState<>(step.stepByDenoised(at.x(), extrapolated), history.newest(order - 1));
        });
    }

    private int order(List<Step> plan, int i) {
        boolean last = i == plan.size() - 1;
        boolean first = plan.get(i).to().sigma() == 0 || (last && eulerAtFinal);
        return first ? 1 : MultistepOrder.at(i, plan.size(), order, lowerOrderFinal);
    }

    /** What step {@code i} goes towards; {@code denoised} newest first. */
    private Latent extrapolated(List<Step> plan, int i, List<Latent> denoised) {
        int used = order(plan, i);
        Latent newest = denoised.get(0);
        if (used == 1) {
            return newest;
        }
        double h = plan.get(i).length();
        double before = plan.get(i - 1).length();
        Latent slope = newest.minus(denoised.get(1)); // over the step before
        if (used == 2) {
            double factor = heun ? linear(h) : 0.5;
            return newest.plus(factor * h / before, slope);
        }
        double earlier = plan.get(i - 2).length();
        // derivatives in units of h, of the parabola through the last three
        Latent first = slope.times(h / before);
        Latent second = first.plus(-h / earlier, denoised.get(1).minus(denoised.get(2)));
        double r = before / h;
        double both = r + earlier / h;
        return newest.plus(linear(h), first).plus(linear(h) * r / both + quadratic(h) / both, second);
    }

    /** The mean of the place within a step of length h, from 0 to 1, under the solver's weight e^place. */
    private static double linear(double h) {
        double decay = -Math.expm1(-h); // 1 - e^-h
        return 1 / decay - 1 / h;
    }

    /** The same of half the square of the place. */
    private static double quadratic(double h) {
        double decay = -Math.expm1(-h);
        return (0.5 - (h - decay) / (h * h)) / decay;
    }
}
