package org.deltasampling.diffusion;

import java.util.stream.IntStream;

/** How sigmas are spaced between the highest and the lowest one, rather than by timesteps. */
public enum SigmaSpacing {
    /** Evenly in sigma^(1/7) (Karras et al. 2022, equation 5 with rho 7). */
    KARRAS {
        @Override
        double sigma(double highest, double lowest, double u) {
            double top = Math.pow(highest, 1 / RHO);
            double bottom = Math.pow(lowest, 1 / RHO);
            return Math.pow(top + (bottom - top) * u, RHO);
        }

        @Override
        double wholeTimestep(TrainedSchedule trained, double kappa) {
            return Math.rint(trained.timestep(kappa));
        }
    },

    /** Evenly in ln sigma. */
    EXPONENTIAL {
        @Override
        double sigma(double highest, double lowest, double u) {
            return Math.exp(Math.log(highest) + (Math.log(lowest) - Math.log(highest)) * u);
        }

        @Override
        double wholeTimestep(TrainedSchedule trained, double kappa) {
            return trained.timestepBelow(kappa);
        }
    },

    /** By the quantiles of the beta distribution with a = b = 0.6, more densely at both ends (Lee et al. 2024). */
    BETA {
        @Override
        double sigma(double highest, double lowest, double u) {
            return lowest + BETA_DISTRIBUTION.quantile(1 - u) * (highest - lowest);
        }

        @Override
        double wholeTimestep(TrainedSchedule trained, double kappa) {
            return trained.timestepBelow(kappa);
        }
    },

    /** Evenly in ln sigma, but each with the nearest timestep: what DPM-Solver's paper has (diffusers: use_lu_lambdas). */
    LU {
        @Override
        double sigma(double highest, double lowest, double u) {
            return EXPONENTIAL.sigma(highest, lowest, u);
        }

        @Override
        double wholeTimestep(TrainedSchedule trained, double kappa) {
            return KARRAS.wholeTimestep(trained, kappa);
        }
    };

    private static final double RHO = 7;
    private static final BetaDistribution BETA_DISTRIBUTION = new BetaDistribution(0.6, 0.6);

    /** At the place {@code u}, from 0 at the highest to 1 at the lowest. */
    abstract double sigma(double highest, double lowest, double u);

    /** The timestep of {@code kappa} for networks that are given whole ones: nearest or below, as diffusers has it. */
    abstract double wholeTimestep(TrainedSchedule trained, double kappa);

    /** {@code count} of them, highest first; one alone is the highest. */
    double[] between(double highest, double lowest, int count) {
        return IntStream.range(0, count)
                .mapToDouble(i -> sigma(highest, lowest, (double) i / Math.max(count - 1, 1)))
                .toArray();
    }
}
