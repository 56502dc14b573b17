package org.deltasampling.sampling;

import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * Adams-Bashforth on the predicted noise: the polynomial through the last noises, in a chosen variable of kappa, is
 * integrated over the step in kappa, {@code x'/alpha' = x/alpha + integral n dkappa}.
 *
 * @param order how many noises are used, at most 4; fewer as long as there are fewer
 * @param variable in which the noises are interpolated: kappa itself is LMS (k-diffusion), ln kappa is DEIS (Zhang and Chen
 *     2022, the log-rho variant)
 */
record LinearMultistep(Order order, DoubleUnaryOperator variable) implements Sampler {

    private static final int MOST = 4;

    /** The order of step {@code i} of {@code steps}. */
    interface Order {
        int at(int i, int steps);
    }

    /** LMS of order 4, to the last step, as diffusers has it. */
    static LinearMultistep lms() {
        return new LinearMultistep((i, steps) -> MOST, kappa -> kappa);
    }

    /** LMS of order 4 whose last step is first order, as ComfyUI has it. */
    static LinearMultistep lmsOfComfyUi() {
        return new LinearMultistep((i, steps) -> i == steps - 1 ? 1 : MOST, kappa -> kappa);
    }

    /** DEIS as diffusers has it. */
    static LinearMultistep deis(int order, boolean lowerOrderFinal) {
        return new LinearMultistep((i, steps) -> MultistepOrder.at(i, steps, order, lowerOrderFinal), Math::log);
    }

    @Override
    public Latent sample(Denoiser denoiser, Latent start, List<Step> plan, NoiseSource source, StepHook hook) {
        return SamplerState.follow(plan, start, History.NONE, denoiser, hook, (at, i, denoised) -> {
            Step step = plan.get(i);
            History history = at.carried().with(step.from().noise(at.x(), denoised));
            List<Latent> noises = history.latents();
            int used = Math.min(order.at(i, plan.size()), noises.size());
            double[] nodes = IntStream.range(0, used)
                    .mapToDouble(j -> plan.get(i - j).from().kappa())
                    .toArray();
            Latent moved = at.x().times(step.to().alpha() / step.from().alpha());
            for (int j = 0; j < used; j++) {
                double weight = weight(j, nodes, step.from(), step.to());
                moved = moved.plus(step.to().alpha() * weight, noises.get(j));
            }
            return new SamplerState<>(moved, history.newest(MOST - 1));
        });
    }

    /** The integral over the step of the Lagrange polynomial that is 1 at node {@code j} and 0 at the others. */
    private double weight(int j, double[] nodes, NoiseLevel from, NoiseLevel to) {
        double[] at = IntStream.range(0, nodes.length)
                .mapToDouble(k -> variable.applyAsDouble(nodes[k]))
                .toArray();
        return Quadrature.integrate(
                kappa -> {
                    double u = variable.applyAsDouble(kappa);
                    double value = 1;
                    for (int k = 0; k < at.length; k++) {
                        value *= k == j ? 1 : (u - at[k]) / (at[j] - at[k]);
                    }
                    return value;
                },
                from.kappa(),
                to.kappa());
    }
}
