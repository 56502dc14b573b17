package org.deltasampling.diffusion;

import java.util.function.DoubleFunction;

/**
 * The noise levels that a model knows, and its own names for them. Two models are at the same level where their kappa =
 * sigma / alpha is equal, whatever their coordinates (science.md 1.1).
 */
public interface LevelRange {

    /** The least noise that the model knows, as kappa. */
    double lowest();

    /** The most noise that it knows, as kappa; infinite where it starts from pure noise. */
    double highest();

    /** The model's name for the level {@code kappa}, clamped to what it knows: its timestep, sigma and alpha. */
    NoiseLevel level(double kappa);

    /** Whether {@code kappa} is known but for a thousandth, which is more than rounding makes of the same end. */
    default boolean covers(double kappa) {
        return kappa >= lowest() * 0.999 && kappa <= highest() * 1.001;
    }

    /** The levels from {@code lowest} to {@code highest}, named by {@code names}. */
    static LevelRange of(double lowest, double highest, DoubleFunction<NoiseLevel> names) {
        return new LevelRange() {
            @Override
            public double lowest() {
                return lowest;
            }

            @Override
            public double highest() {
                return highest;
            }

            @Override
            public NoiseLevel level(double kappa) {
                return names.apply(Math.min(Math.max(kappa, lowest), highest));
            }
        };
    }
}
