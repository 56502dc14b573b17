package org.deltasampling.diffusion;

import java.util.Arrays;

/**
 * The noise levels that a network was trained on: kappa for each whole timestep, increasing, and the maps between kappa and
 * timesteps (science.md 1.4).
 *
 * <p>Computed in float32 where diffusers does (scheduling_ddim.py), so that sigmas agree to the last digits.
 */
public final class TrainedSchedule implements LevelRange {

    private final double[] kappas;
    private final double[] logKappas;

    private TrainedSchedule(double[] kappas) {
        this.kappas = kappas;
        this.logKappas = Arrays.stream(kappas).map(Math::log).toArray();
    }

    /** Betas from {@code start} to {@code end}, equally spaced in their square roots: all of Stable Diffusion 1, 2 and XL. */
    public static TrainedSchedule scaledLinear(int steps, double start, double end) {
        float[] betas = evenly(steps, (float) Math.sqrt(start), (float) Math.sqrt(end));
        for (int i = 0; i < steps; i++) {
            betas[i] *= betas[i];
        }
        return ofBetas(betas);
    }

    /** Betas from {@code start} to {@code end}, equally spaced. */
    public static TrainedSchedule linear(int steps, double start, double end) {
        return ofBetas(evenly(steps, (float) start, (float) end));
    }

    /** Any betas. */
    public static TrainedSchedule ofBetas(float[] betas) {
        return new TrainedSchedule(kappas(cumulated(betas)));
    }

    /**
     * The same rescaled to end in pure noise (Lin et al. 2023, algorithm 1). The last level keeps a trace of signal, 2^-24,
     * as diffusers does for its sigma-based schedulers, so that kappa stays finite.
     */
    public static TrainedSchedule zeroTerminalSnr(TrainedSchedule trained) {
        int last = trained.steps() - 1;
        double first = trained.alpha(0);
        double terminal = trained.alpha(last);
        double[] rescaled = new double[last + 1];
        for (int t = 0; t <= last; t++) {
            double alpha = (trained.alpha(t) - terminal) * first / (first - terminal);
            rescaled[t] = t == last ? Math.pow(2, -24) : alpha * alpha;
        }
        return new TrainedSchedule(kappas(rescaled));
    }

    /** Number of timesteps trained on. */
    public int steps() {
        return kappas.length;
    }

    /** kappa of the whole timestep {@code t}. */
    public double kappa(int t) {
        return kappas[t];
    }

    /** The lowest kappa trained on. */
    @Override
    public double lowest() {
        return kappas[0];
    }

    /** The highest kappa trained on. */
    @Override
    public double highest() {
        return kappas[kappas.length - 1];
    }

    /** kappa at a fractional timestep, linear in between: diffusers' way. */
    public double kappaLinear(double t) {
        return between(kappas, t);
    }

    /** kappa at a fractional timestep, linear in ln kappa in between: k-diffusion's and ComfyUI's way. */
    public double kappaLogLinear(double t) {
        return Math.exp(between(logKappas, t));
    }

    /** The fractional timestep of {@code kappa}, log-linear between the trained ones, clamped to them. */
    public double timestep(double kappa) {
        double log = Math.log(clamp(kappa));
        int above = Arrays.binarySearch(logKappas, log);
        int i = Math.min(Math.max(above >= 0 ? above : -above - 1, 1), kappas.length - 1);
        return i - 1 + (log - logKappas[i - 1]) / (logKappas[i] - logKappas[i - 1]);
    }

    /** The whole timestep nearest to {@code kappa} in ln kappa, clamped to the trained ones: what ComfyUI asks for. */
    public int nearestTimestep(double kappa) {
        double t = timestep(kappa);
        double log = Math.log(clamp(kappa));
        int below = (int) Math.floor(t);
        int above = Math.min(below + 1, kappas.length - 1);
        return log - logKappas[below] <= logKappas[above] - log ? below : above;
    }

    /**
     * The last whole timestep whose ln kappa, in float32 as diffusers has it, is not above that of {@code kappa}; 0 below
     * them all. Rounding may take the timestep before for a trained kappa itself, and does so in diffusers.
     */
    int timestepBelow(double kappa) {
        double log = Math.log(kappa);
        int below = 0;
        for (int t = 0; t < logKappas.length && (float) logKappas[t] <= log; t++) {
            below = t;
        }
        return below;
    }

    /** This model's own name for a noise level of another one, at a fractional timestep. */
    @Override
    public NoiseLevel level(double kappa) {
        return level(kappa, TimestepMap.CONTINUOUS);
    }

    /**
     * This model's own name for a noise level of another one: equal kappa, clamped to what was trained on, in
     * variance-preserving coordinates.
     */
    public NoiseLevel level(double kappa, TimestepMap map) {
        double known = clamp(kappa);
        return NoiseLevel.preserving(map == TimestepMap.NEAREST ? nearestTimestep(known) : timestep(known), known);
    }

    /** The same levels by whole timesteps, as the authors' reference has them. */
    public LevelRange whole() {
        return LevelRange.of(lowest(), highest(), kappa -> level(kappa, TimestepMap.NEAREST));
    }

    /** How a kappa between two trained levels becomes the timestep that a network is given. */
    public enum TimestepMap {
        /** Fractional, log-linear: the default. */
        CONTINUOUS,
        /** The nearest whole one, as ComfyUI and so the authors' reference do. */
        NEAREST
    }

    private double clamp(double kappa) {
        return Math.min(Math.max(kappa, lowest()), highest());
    }

    private double alpha(int t) {
        return 1 / Math.sqrt(1 + kappas[t] * kappas[t]);
    }

    private static double between(double[] values, double t) {
        int below = (int) Math.min(Math.max(Math.floor(t), 0), values.length - 1);
        int above = Math.min(below + 1, values.length - 1);
        double part = Math.min(Math.max(t - below, 0), 1);
        return values[below] + part * (values[above] - values[below]);
    }

    /** torch.linspace in float32, which counts from whichever end is nearer. */
    private static float[] evenly(int count, float start, float end) {
        float step = (end - start) / (count - 1);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = i < count / 2 ? start + step * i : end - step * (count - 1 - i);
        }
        return values;
    }

    private static double[] cumulated(float[] betas) {
        double[] products = new double[betas.length];
        double product = 1;
        for (int i = 0; i < betas.length; i++) {
            product *= 1f - betas[i];
            products[i] = (float) product;
        }
        return products;
    }

    private static double[] kappas(double[] alphasCumulated) {
        return Arrays.stream(alphasCumulated)
                .map(a -> (float) Math.sqrt((1f - (float) a) / (float) a))
                .toArray();
    }
}
