package org.deltasampling.sampling;

import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.deltasampling.diffusion.FlowSchedule;
import org.deltasampling.diffusion.NoiseSchedule;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.SigmaSpacing;
import org.deltasampling.diffusion.Spacing;
import org.deltasampling.diffusion.TimestepGrid;
import org.jspecify.annotations.Nullable;

/**
 * All that is particular to one sampler: a row of {@link Samplers}.
 *
 * @param name what users call it
 * @param diffusers how its scheduler in diffusers goes about it
 * @param normal how it differs under ComfyUI's schedule {@code normal}; null: by its levels alone
 * @param flow how it goes with flow models; null: it does not
 */
public record SamplerDescriptor(
        String name,
        Diffusers diffusers,
        @Nullable Normal normal,
        @Nullable Flow flow) {

    /**
     * The scheduler in diffusers.
     *
     * @param grid how timesteps are placed
     * @param spacing of the timesteps by default
     * @param sigmas which spacings of sigmas it can have
     * @param endsInNoNoise whether the last step ends in no noise rather than at the lowest trained level
     * @param sampler made from a model's config
     * @param unsupported the settings of a config that it would heed and that are not implemented
     */
    public record Diffusers(
            TimestepGrid grid,
            Spacing spacing,
            Sigmas sigmas,
            Predicate<SchedulerConfig> endsInNoNoise,
            Function<SchedulerConfig, Sampler> sampler,
            Set<String> unsupported) {}

    /** Which spacings of sigmas a sampler can have. */
    public enum Sigmas {
        /** None, since it needs steps equal in time. */
        NONE,
        /** Any, but no config's: only where the user names one. */
        BY_NAME,
        /** Any, and a config's but for {@link SigmaSpacing#LU}. */
        OF_CONFIG,
        /** Any, and any config's. */
        OF_CONFIG_WITH_LU;

        boolean heed(SigmaSpacing spacing) {
            return this == OF_CONFIG_WITH_LU || (this == OF_CONFIG && spacing != SigmaSpacing.LU);
        }
    }

    /**
     * Under ComfyUI's schedule.
     *
     * @param levels what becomes of the schedule's levels
     */
    public record Normal(Made sampler, UnaryOperator<NoiseSchedule> levels) {

        /** Makes the sampler for so many steps. */
        @FunctionalInterface
        public interface Made {
            Sampler of(SchedulerConfig config, int steps);
        }
    }

    /** With flow models. */
    public record Flow(Function<SchedulerConfig, Sampler> sampler, Levels levels) {

        /** The levels to go through; {@code sigmas} null: evenly in time. */
        @FunctionalInterface
        public interface Levels {
            NoiseSchedule of(FlowSchedule trained, @Nullable SigmaSpacing sigmas);
        }
    }
}
