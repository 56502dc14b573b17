package org.deltasampling.sampling;

import java.util.List;
import java.util.Set;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Carried;
import org.deltasampling.tensor.Latent;
import org.jspecify.annotations.Nullable;

/**
 * UniPC on denoised latents (Zhao et al. 2023): each step goes towards one extrapolated from those before, and before the
 * next the step is taken once more, from where it began, with the denoised latent at its end known; no evaluation is spent on
 * that. Orders rise at the beginning.
 *
 * @param order of the solver
 * @param scale the function B(h) that the corrections are scaled with
 * @param lowerOrderFinal whether orders fall at the end
 * @param uncorrected the steps, from 0, that are not corrected
 */
record UniPc(int order, Scale scale, boolean lowerOrderFinal, Set<Integer> uncorrected) implements Sampler {

    /** As diffusers has it under {@code config}. */
    static UniPc of(SchedulerConfig config) {
        SchedulerConfig.Solver solver = config.solver();
        Scale scale = solver.type().equals("bh1") ? Scale.H : Scale.EXPM1;
        return new UniPc(solver.order(), scale, solver.lowerOrderFinal(), solver.disableCorrector());
    }

    /** As ComfyUI has it for so many steps. */
    static UniPc ofComfyUi(int steps) {
        return new UniPc(Math.max(1, Math.min(3, steps - 1)), Scale.H, true, Set.of());
    }

    /** The paper's two choices of B(h). */
    enum Scale {
        /** B1 = h: ComfyUI's {@code uni_pc}. */
        H,
        /** B2 = e^h - 1: diffusers' default. */
        EXPM1
    }

    /**
     * What a correction needs.
     *
     * @param left where the last step began, corrected
     * @param denoised the denoised latents so far, newest first
     */
    private record Correction(Latent left, History denoised) implements Carried {

        @Override
        public List<Latent> tensors() {
            return denoised.with(left).latents();
        }
    }

    @Override
    public Latent sample(Denoiser denoiser, Latent start, List<Step> plan, NoiseSource noise, StepHook hook) {
        Correction first = new Correction(start, History.NONE);
        return SamplerState.follow(plan, start, first, denoiser, hook, (at, i, denoised) -> {
            History history = at.carried().denoised();
            // a point that a hook has put in place is not where the last step led: there is nothing to correct
            Latent x = i == 0 || at.replaced() || uncorrected.contains(i - 1)
                    ? at.x()
                    : plan.get(i - 1)
                            .stepByDenoised(
                                    at.carried().left(), extrapolated(plan, i - 1, history.latents(), denoised));
            History newest = history.newest(order - 1).with(denoised);
            Step step = plan.get(i);
            return new SamplerState<>(
                    step.stepByDenoised(x, extrapolated(plan, i, newest.latents(), null)), new Correction(x, newest));
        });
    }

    /**
     * What step {@code i} goes towards: {@code denoised}, newest first, extrapolated by divided differences.
     *
     * @param ahead the denoised latent at the end of the step, for the correction; null: it is not known yet
     */
    private Latent extrapolated(List<Step> plan, int i, List<Latent> denoised, @Nullable Latent ahead) {
        Latent newest = denoised.get(0);
        int rising = Math.min(order, i + 1);
        int used = lowerOrderFinal ? Math.min(rising, plan.size() - i) : rising;
        int unknowns = ahead == null ? used - 1 : used;
        if (unknowns == 0) {
            return newest;
        }
        NoiseLevel here = plan.get(i).from();
        double h = plan.get(i).length();
        double[] distances = new double[unknowns]; // of the other latents, in steps; the one ahead is 1 away
        for (int j = 1; j < used; j++) {
            distances[j - 1] = (plan.get(i - j).from().logSnr() - here.logSnr()) / h;
        }
        if (ahead != null) {
            distances[used - 1] = 1;
        }
        double[] weights = weights(distances, -h);
        Latent result = newest;
        for (int j = 0; j < unknowns; j++) {
            Latent other = ahead != null && j == used - 1 ? ahead : denoised.get(j + 1);
            result = result.plus(weights[j] / distances[j], other.minus(newest));
        }
        return result;
    }

    /** The paper's a_m, of which one alone is taken as a half. */
    private double[] weights(double[] distances, double h) {
        double first = Math.expm1(h);
        double relative = scale == Scale.H ? h / first : 1;
        int n = distances.length;
        if (n == 1) {
            return new double[] {relative / 2};
        }
        double[][] powers = new double[n][n];
        double[] moments = new double[n];
        double phi = first / h - 1;
        double factorial = 1;
        for (int m = 0; m < n; m++) {
            for (int k = 0; k < n; k++) {
                powers[m][k] = Math.pow(distances[k], m);
            }
            moments[m] = phi * factorial / first; // B(h) cancels against the scale of the correction
            factorial *= m + 2;
            phi = phi / h - 1 / factorial;
        }
        return solved(powers, moments);
    }

    /** The solution of a small regular system, by elimination. */
    private static double[] solved(double[][] matrix, double[] right) {
        int n = right.length;
        for (int pivot = 0; pivot < n; pivot++) {
            for (int row = pivot + 1; row < n; row++) {
                double factor = matrix[row][pivot] / matrix[pivot][pivot];
                for (int k = pivot; k < n; k++) {
                    matrix[row][k] -= factor * matrix[pivot][k];
                }
                right[row] -= factor * right[pivot];
            }
        }
        double[] solution = new double[n];
        for (int row = n - 1; row >= 0; row--) {
            double rest = right[row];
            for (int k = row + 1; k < n; k++) {
                rest -= matrix[row][k] * solution[k];
            }
            solution[row] = rest / matrix[row][row];
        }
        return solution;
    }
}
