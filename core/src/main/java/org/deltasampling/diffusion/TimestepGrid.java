package org.deltasampling.diffusion;

import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/** How diffusers' scheduler families place n steps on the timesteps trained on; they differ in ends and rounding. */
public enum TimestepGrid {
    /** n points, fractional: Euler, Euler ancestral, Heun, LMS. */
    FRACTIONAL,
    /** n points, whole, each step going down by trained / n: DDIM, PNDM. */
    WHOLE,
    /** n + 1 points without the last, whole: DPM-Solver++, UniPC, DEIS. */
    OPEN;

    /** The timesteps of {@code steps} steps, highest first. */
    double[] timesteps(Spacing spacing, int trained, int steps, int offset) {
        int points = this == OPEN ? steps + 1 : steps;
        int highest = trained - 1;
        int stride = trained / points;
        return switch (spacing) {
            case LINSPACE ->
                points == 1
                        ? new double[] {highest}
                        : downFrom(points - 1, steps)
                                .map(i -> rounded(i * highest / (points - 1)))
                                .toArray();
            case LEADING ->
                downFrom(points - 1, steps)
                        .map(i -> Math.min(i * stride + offset, highest))
                        .toArray();
            case TRAILING ->
                IntStream.range(0, steps)
                        .mapToDouble(i -> Math.rint(trained - i * ((double) trained / steps)) - 1)
                        .toArray();
        };
    }

    private double rounded(double t) {
        return this == FRACTIONAL ? (float) t : Math.rint(t);
    }

    private static DoubleStream downFrom(int first, int count) {
        return IntStream.range(0, count).mapToDouble(i -> first - i);
    }
}
