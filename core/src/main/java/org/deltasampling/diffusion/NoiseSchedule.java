package org.deltasampling.diffusion;

import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleFunction;
import java.util.stream.IntStream;
import org.deltasampling.diffusion.SchedulerConfig.Placement;
import org.deltasampling.diffusion.TrainedSchedule.TimestepMap;
import org.jspecify.annotations.Nullable;

/** The noise levels to go through, all numbers before the loop. */
@FunctionalInterface
public interface NoiseSchedule {

    /**
     * A plan of {@code steps} steps, from the noisiest level down.
     *
     * @throws BadSamplingException if there are fewer trained timesteps than that, or none is asked for
     */
    List<Step> plan(int steps);

    /** Timesteps of {@code grid} and {@code spacing}, each at its own trained level, and {@code end} after the last. */
    static NoiseSchedule spaced(
            TrainedSchedule trained, TimestepGrid grid, Spacing spacing, int offset, NoiseLevel end) {
        return steps -> chain(
                Arrays.stream(grid.timesteps(spacing, trained.steps(), checked(steps, trained.steps()), offset))
                        .mapToObj(t -> NoiseLevel.preserving(t, trained.kappaLinear(t)))
                        .toList(),
                end);
    }

    /**
     * DDIM's and PNDM's way: whole timesteps of {@code spacing}, each step going down by trained / steps, and to {@code
     * end} below zero. With leading spacing every step ends where the next begins. With linspace, and with trailing where
     * steps does not divide the trained ones, it does not quite: diffusers' schedulers are so, and images are compared.
     */
    static NoiseSchedule stepping(TrainedSchedule trained, Spacing spacing, int offset, NoiseLevel end) {
        return steps -> {
            int down = trained.steps() / checked(steps, trained.steps());
            DoubleFunction<NoiseLevel> level = t -> NoiseLevel.preserving(t, trained.kappa((int) t));
            return Arrays.stream(TimestepGrid.WHOLE.timesteps(spacing, trained.steps(), steps, offset))
                    .mapToObj(t -> new Step(level.apply(t), t < down ? end : level.apply(t - down)))
                    .toList();
        };
    }

    /**
     * Levels by {@code sigmas} rather than by timesteps. {@code grid} says between which, where {@code placement} does not,
     * and whether a network is given whole timesteps, as diffusers' scheduler families do.
     */
    static NoiseSchedule sigmas(
            SigmaSpacing sigmas,
            TrainedSchedule trained,
            TimestepGrid grid,
            Spacing spacing,
            Placement placement,
            NoiseLevel end) {
        return steps -> {
            double[] within =
                    grid.timesteps(spacing, trained.steps(), checked(steps, trained.steps()), placement.stepsOffset());
            boolean whole = grid == TimestepGrid.OPEN;
            double highest = whole ? trained.highest() : trained.kappaLinear(within[0]);
            double lowest = whole ? trained.lowest() : trained.kappaLinear(within[steps - 1]);
            double[] kappas = sigmas.between(placement.sigmaMax(highest), placement.sigmaMin(lowest), steps);
            return chain(
                    Arrays.stream(kappas)
                            .mapToObj(kappa -> NoiseLevel.preserving(
                                    whole ? sigmas.wholeTimestep(trained, kappa) : trained.timestep(kappa), kappa))
                            .toList(),
                    end);
        };
    }

    /**
     * ComfyUI's {@code normal}: timesteps evenly from the last trained to the first, kappa log-linear at each, then no
     * noise; the network is given the nearest whole timestep.
     */
    static NoiseSchedule normal(TrainedSchedule trained) {
        return steps -> {
            double[] timesteps = TimestepGrid.FRACTIONAL.timesteps(
                    Spacing.LINSPACE, trained.steps(), checked(steps, trained.steps()), 0);
            return chain(
                    Arrays.stream(timesteps)
                            .map(trained::kappaLogLinear)
                            .mapToObj(kappa -> trained.level(kappa, TimestepMap.NEAREST))
                            .toList(),
                    NoiseLevel.CLEAN);
        };
    }

    /**
     * Equal steps of a flow's shifted time down to its lowest level, then no noise: diffusers' FlowMatchEulerDiscrete, and
     * ComfyUI's {@code normal} for flows.
     *
     * @param sigmas how the levels between the same ends are spaced; null: evenly in time
     */
    static NoiseSchedule flow(FlowSchedule trained, @Nullable SigmaSpacing sigmas) {
        return steps -> {
            List<NoiseLevel> levels = List.of(trained.levels(checked(steps, trained.steps()), sigmas));
            return chain(levels, NoiseLevel.CLEAN);
        };
    }

    /** A flow's for DPM-Solver++: where they are even in time, from 1 - 1/trained, as diffusers has it. */
    static NoiseSchedule flowForDpmSolver(FlowSchedule trained, @Nullable SigmaSpacing sigmas) {
        return sigmas != null
                ? flow(trained, sigmas)
                : steps -> chain(
                        List.of(trained.levels(checked(steps, trained.steps()), 1 - 1.0 / trained.steps(), 0)),
                        NoiseLevel.CLEAN);
    }

    /** A flow's for UniPC, as diffusers has it: see {@link #clampPureNoise}. */
    static NoiseSchedule flowForUniPc(FlowSchedule trained, @Nullable SigmaSpacing sigmas) {
        return clampPureNoise(
                sigmas != null
                        ? flow(trained, sigmas)
                        : steps -> chain(
                                List.of(trained.levels(checked(steps, trained.steps()), 1, 1.0 / trained.steps())),
                                NoiseLevel.CLEAN));
    }

    /**
     * A flow's {@code schedule} for UniPC, which needs the logarithm of the first level's signal: s = 1 - 10^-6 for 1, as
     * diffusers has it.
     */
    private static NoiseSchedule clampPureNoise(NoiseSchedule schedule) {
        return steps -> {
            List<NoiseLevel> levels = schedule.plan(steps).stream()
                    .map(Step::from)
                    .map(n -> n.alpha() > 0 ? n : new NoiseLevel(n.timestep(), 1 - 1e-6, 1e-6))
                    .toList();
            return chain(levels, NoiseLevel.CLEAN);
        };
    }

    /**
     * ComfyUI's way with {@code schedule} for UniPC: one step more, the level before the last left out, and as good as no
     * noise, kappa 0.001, at the end, where UniPC needs a logarithm.
     */
    static NoiseSchedule withoutPenultimate(NoiseSchedule schedule) {
        return steps -> {
            List<NoiseLevel> levels = schedule.plan(steps + 1).stream()
                    .map(Step::from)
                    .limit(steps)
                    .toList();
            return chain(levels, NoiseLevel.preserving(0, 0.001));
        };
    }

    private static List<Step> chain(List<NoiseLevel> levels, NoiseLevel end) {
        return IntStream.range(0, levels.size())
                .mapToObj(i -> new Step(levels.get(i), i + 1 < levels.size() ? levels.get(i + 1) : end))
                .toList();
    }

    private static int checked(int steps, int trained) {
        if (steps < 1 || steps > trained) {
            throw new BadSamplingException("%d steps cannot be taken: give from 1 to %d".formatted(steps, trained));
        }
        return steps;
    }
}
