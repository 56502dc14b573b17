package org.deltasampling.diffusion;

import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Rectified flow (Liu et al. 2022; Esser et al. 2024): {@code x = (1 - s) x0 + s noise}, and the network is given {@code
 * steps * s}. Equal steps in a time t become steps in {@code s = k t / (1 + (k - 1) t)}; the shift k moves them to the
 * noise, more so for larger images.
 *
 * <p>Computed in float32 where diffusers does (scheduling_flow_match_euler_discrete.py).
 *
 * @param steps what the network is given for pure noise
 * @param shift k
 * @param bySize how k follows from the size of the image; null: it does not
 */
public record FlowSchedule(
        int steps, double shift, @Nullable BySize bySize) implements LevelRange {

    /**
     * The resolution-dependent shift: mu grows linearly with the patches of the image.
     *
     * @param base,most mu for {@code basePatches} and for {@code mostPatches}
     * @param exponential whether k is e^mu, else it is mu
     */
    public record BySize(double base, double most, long basePatches, long mostPatches, boolean exponential) {

        double shift(long patches) {
            double slope = (most - base) / (mostPatches - basePatches);
            double mu = base + slope * (patches - basePatches);
            return exponential ? Math.exp(mu) : mu;
        }
    }

    /** With the same shift for all sizes. */
    public static FlowSchedule shifted(int steps, double shift) {
        return new FlowSchedule(steps, shift, null);
    }

    /** The schedule for an image of so many patches. */
    public FlowSchedule at(long patches) {
        return bySize == null ? this : new FlowSchedule(steps, bySize.shift(patches), bySize);
    }

    @Override
    public double lowest() {
        return 0;
    }

    @Override
    public double highest() {
        return Double.POSITIVE_INFINITY;
    }

    /**
     * Any level is one of its own, without rounding: {@code s = kappa / (1 + kappa)}. The shift chooses which levels
     * are visited, not what they are called (science.md 1.2).
     */
    @Override
    public NoiseLevel level(double kappa) {
        double alpha = 1 / (1 + kappa);
        return new NoiseLevel(steps * (1 - alpha), 1 - alpha, alpha);
    }

    /**
     * The levels of {@code count} steps as diffusers has them, from pure noise down, without the end.
     *
     * @param sigmas how those between the same ends are spaced; null: evenly in time
     */
    NoiseLevel[] levels(int count, @Nullable SigmaSpacing sigmas) {
        double last = lastTime();
        double[] s = IntStream.range(0, count)
                .mapToDouble(i -> shift(1 + (last - 1) * i / Math.max(count - 1, 1)))
                .toArray();
        return named(sigmas == null ? s : sigmas.between(s[0], s[count - 1], count));
    }

    /**
     * The levels of {@code count} equal steps in time from {@code first} to {@code last}, without that, shifted: as diffusers
     * has them for solvers in log-SNR, to which a last level next to no noise would be far.
     */
    NoiseLevel[] levels(int count, double first, double last) {
        return named(IntStream.range(0, count)
                .mapToDouble(i -> shift(first + (last - first) * i / count))
                .toArray());
    }

    private NoiseLevel[] named(double[] s) {
        NoiseLevel[] levels = new NoiseLevel[s.length];
        for (int i = 0; i < s.length; i++) {
            float rounded = (float) s[i];
            levels[i] = new NoiseLevel(rounded * steps, rounded, 1 - (double) rounded);
        }
        return levels;
    }

    /** The time of the last level: where the shift is fixed, diffusers shifts what has been shifted once already. */
    private double lastTime() {
        float t = 1f / steps;
        float k = (float) shift;
        return bySize == null ? k * t / (1 + (float) (shift - 1) * t) : t;
    }

    private double shift(double time) {
        return shift * time / (1 + (shift - 1) * time);
    }
}
