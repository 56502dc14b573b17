package org.deltasampling.sampling;

import java.util.ArrayList;
import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Carried;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;
import org.jspecify.annotations.Nullable;

/**
 * UniPC on clean latents (Zhao et al. 2023): each step goes towards a guess carried on from those before, and before the
 * next the step is taken once more, from where it left, with the guess at its end known; no evaluation is spent on that.
 * Orders rise at the beginning and fall at the end.
 *
 * @param order of the solver
 * @param scale the function B(h) that the corrections are scaled with
 */
record UniPc(int order, Scale scale) implements Sampler {

    /** The paper's two choices of B(h). */
    enum Scale {
        /** B1 = h: ComfyUI's {@code uni_pc}. */
        H,
        /** B2 = e^h - 1: diffusers' default. */
        EXPM1
    }

    /** Where the sampler is, where the last step left from, and the guesses so far, newest first. */
    private record State(Latent x, Latent left, List<Latent> guesses) implements Carried {

        @Override
        public List<Latent> carried() {
            List<Latent> all = new ArrayList<>(guesses);
            all.add(x);
            all.add(left);
            return all;
        }
    }

    @Override
    public Latent sample(Denoiser denoiser, Latent start, List<Step> plan, NoiseSource noise, StepListener listener) {
        State first = new State(start, start, List.of());
        return TensorScope.scoped(() -> TensorScope.fold(first, SamplerState.indices(plan), (at, i) -> {
                    Step step = plan.get(i);
                    Latent clean = denoiser.denoise(at.x, step.from());
                    listener.stepped(i, plan.size(), step.from(), clean);
                    Latent x = i == 0
                            ? at.x
                            : plan.get(i - 1).stepByDenoised(at.left, guess(plan, i - 1, at.guesses, clean));
                    List<Latent> guesses = new ArrayList<>(List.of(clean));
                    guesses.addAll(at.guesses.subList(0, Math.min(order - 1, at.guesses.size())));
                    return new State(step.stepByDenoised(x, guess(plan, i, guesses, null)), x, guesses);
                })
                .x);
    }

    /**
     * The guess that step {@code i} goes towards: {@code guesses}, newest first, carried on by divided differences.
     *
     * @param ahead the guess at the end of the step, for the correction; null: it is not known yet
     */
    private Latent guess(List<Step> plan, int i, List<Latent> guesses, @Nullable Latent ahead) {
        Latent newest = guesses.get(0);
        int used = Math.min(order, Math.min(i + 1, plan.size() - i));
        int unknowns = ahead == null ? used - 1 : used;
        if (unknowns == 0) {
            return newest;
        }
        NoiseLevel here = plan.get(i).from();
        double h = plan.get(i).length();
        double[] distances = new double[unknowns]; // of the other guesses, in steps; the one ahead is 1 away
        for (int j = 1; j < used; j++) {
            distances[j - 1] = (plan.get(i - j).from().logSnr() - here.logSnr()) / h;
        }
        if (ahead != null) {
            distances[used - 1] = 1;
        }
        double[] weights = weights(distances, -h);
        Latent guess = newest;
        for (int j = 0; j < unknowns; j++) {
            Latent other = ahead != null && j == used - 1 ? ahead : guesses.get(j + 1);
            guess = guess.plus(weights[j] / distances[j], other.minus(newest));
        }
        return guess;
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
