package org.deltasampling.sampling;

import java.util.ArrayList;
import java.util.List;
import org.deltasampling.diffusion.BadSamplingException;
import org.deltasampling.diffusion.FlowSchedule;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.NoiseSchedule;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.SchedulerConfig.Placement;
import org.deltasampling.diffusion.SigmaSpacing;
import org.deltasampling.diffusion.Spacing;
import org.deltasampling.diffusion.Step;
import org.deltasampling.diffusion.TimestepGrid;
import org.deltasampling.diffusion.TrainedSchedule;
import org.deltasampling.sampling.SamplerDescriptor.Diffusers;
import org.deltasampling.sampling.SamplerDescriptor.Flow;
import org.deltasampling.sampling.SamplerDescriptor.Normal;
import org.deltasampling.tensor.Latent;
import org.jspecify.annotations.Nullable;

/**
 * A sampler and all its numbers, found by the names that recipes have for them.
 *
 * @param sampler follows the plan
 * @param plan the levels, from noise to image
 * @param startScale what unit noise is multiplied with to be a point of the first level; diffusers' sigma-based schedulers
 *     leave out the signal's share of the variance there (init_noise_sigma), the others and ComfyUI do not
 */
public record SamplingPlan(Sampler sampler, List<Step> plan, double startScale) {

    /** Euler under diffusers' name for flow models, for which it is taken too. */
    private static final String FLOW_EULER = "flow-euler";

    /** The names of all samplers. */
    public static List<String> samplers() {
        return Samplers.BUILT_IN.names();
    }

    /** The names of all schedules. */
    public static List<String> schedules() {
        return Schedule.names();
    }

    /** {@link #of(Samplers, String, String, SchedulerConfig, int)} with the samplers of this library. */
    public static SamplingPlan of(String sampler, @Nullable String schedule, SchedulerConfig config, int steps) {
        return of(Samplers.BUILT_IN, sampler, schedule, config, steps);
    }

    /**
     * Plans {@code steps} steps of a model.
     *
     * @param samplers where the sampler is looked up
     * @param sampler the name of one; {@code lms}, {@code pndm} and {@code deis} are not for flow models, for which {@code
     *     ddim} is the same as {@code euler}
     * @param schedule one of {@link #schedules()}: a spacing of timesteps, of sigmas, or both, as diffusers has them for
     *     that sampler; or {@code normal} as ComfyUI has it, and with it ComfyUI's UniPC and LMS. Null: what {@code config}
     *     asks for, else the sampler's default in diffusers
     * @throws BadSamplingException for an unknown name, a setting of the config that the sampler would heed and that is not
     *     implemented, or a number of steps that cannot be taken
     */
    public static SamplingPlan of(
            Samplers samplers, String sampler, @Nullable String schedule, SchedulerConfig config, int steps) {
        boolean flow = config.trained() instanceof FlowSchedule;
        SamplerDescriptor row = samplers.named(flow && sampler.equals(FLOW_EULER) ? "euler" : sampler);
        Schedule chosen = schedule == null ? new Schedule(null, null, false) : schedule(schedule);
        requireSupported(row, config);
        if (config.trained() instanceof FlowSchedule trained) {
            if (row.flow() == null) {
                throw new BadSamplingException(
                        "%s is not for flow models such as SD-3, which begin in pure noise: give one of %s"
                                .formatted(row.name(), String.join(", ", samplers.namesForFlows())));
            }
            return flowing(row.flow(), chosen, trained, config, steps);
        }
        return chosen.normal() ? normal(row, config, steps) : spaced(row, chosen, config, steps);
    }

    /** The start: {@code noise}, of unit variance, as a point of the first level. */
    public Latent start(Latent noise) {
        return noise.times(startScale);
    }

    /** What the network is given, step by step. */
    public List<Double> timesteps() {
        return plan.stream().map(step -> step.from().timestep()).toList();
    }

    /** kappa of each step's start and of the end; diffusers' and ComfyUI's sigmas of models that are not flows. */
    public List<Double> sigmas() {
        List<Double> all =
                new ArrayList<>(plan.stream().map(step -> step.from().kappa()).toList());
        all.add(plan.get(plan.size() - 1).to().kappa());
        return all;
    }

    private static Schedule schedule(String name) {
        Schedule known = Schedule.of(name);
        if (known == null) {
            throw new BadSamplingException("there is no schedule %s: give one of %s"
                    .formatted(BadSamplingException.quoted(name), String.join(", ", schedules())));
        }
        return known;
    }

    private static void requireSupported(SamplerDescriptor row, SchedulerConfig config) {
        config.remarks().unsupported().forEach((key, value) -> {
            if (row.diffusers().unsupported().contains(key)) {
                throw new BadSamplingException(
                        "the model's scheduler_config.json sets %s to %s, which %s has not got here: give another sampler, or take the setting out"
                                .formatted(key, BadSamplingException.quoted(value), row.name()));
            }
        });
    }

    /** ComfyUI's normal is diffusers' own schedule of flows. */
    private static SamplingPlan flowing(
            Flow flow, Schedule schedule, FlowSchedule trained, SchedulerConfig config, int steps) {
        if (schedule.spacing() != null) {
            throw new BadSamplingException(
                    "flow models have no %s schedule: give karras, exponential, beta or normal, or none"
                            .formatted(schedule));
        }
        SigmaSpacing asked = schedule.sigmas() == null ? config.placement().sigmas() : schedule.sigmas();
        SigmaSpacing sigmas = schedule.normal() ? null : asked;
        List<Step> plan = flow.levels().of(trained, sigmas).plan(steps);
        return new SamplingPlan(flow.sampler().apply(config), plan, 1);
    }

    private static SamplingPlan normal(SamplerDescriptor row, SchedulerConfig config, int steps) {
        NoiseSchedule levels = NoiseSchedule.normal(config.diffusion());
        Normal normal = row.normal();
        return normal == null
                ? new SamplingPlan(row.diffusers().sampler().apply(config), levels.plan(steps), 1)
                : new SamplingPlan(
                        normal.sampler().of(config, steps),
                        normal.levels().apply(levels).plan(steps),
                        1);
    }

    private static SamplingPlan spaced(SamplerDescriptor row, Schedule schedule, SchedulerConfig config, int steps) {
        Diffusers diffusers = row.diffusers();
        Placement placement = config.placement();
        Spacing spacing = first(schedule.spacing(), placement.timestepSpacing(), diffusers.spacing());
        SigmaSpacing sigmas = sigmas(row, schedule, placement);
        TrainedSchedule trained = config.diffusion();
        NoiseLevel end =
                diffusers.endsInNoNoise().test(config) ? NoiseLevel.CLEAN : NoiseLevel.preserving(0, trained.lowest());
        NoiseSchedule levels;
        if (sigmas != null) {
            levels = NoiseSchedule.sigmas(sigmas, trained, diffusers.grid(), spacing, placement, end);
        } else if (diffusers.grid() == TimestepGrid.WHOLE) {
            levels = NoiseSchedule.stepping(trained, spacing, placement.stepsOffset(), end);
        } else {
            levels = NoiseSchedule.spaced(trained, diffusers.grid(), spacing, placement.stepsOffset(), end);
        }
        List<Step> plan = levels.plan(steps);
        boolean withoutSignal = diffusers.grid() == TimestepGrid.FRACTIONAL && spacing != Spacing.LEADING;
        double startScale = withoutSignal ? plan.get(0).from().sigma() : 1;
        return new SamplingPlan(diffusers.sampler().apply(config), plan, startScale);
    }

    /** Those that are asked for by name, else the config's if the sampler heeds them; null: none. */
    private static @Nullable SigmaSpacing sigmas(SamplerDescriptor row, Schedule schedule, Placement placement) {
        SamplerDescriptor.Sigmas possible = row.diffusers().sigmas();
        SigmaSpacing asked = schedule.sigmas();
        if (asked == null) {
            SigmaSpacing wish = placement.sigmas();
            return wish != null && possible.heed(wish) ? wish : null;
        }
        if (possible == SamplerDescriptor.Sigmas.NONE) {
            throw new BadSamplingException(
                    "%s needs steps equal in time, which the schedule %s has not: give another sampler, or one of the schedules leading, linspace, trailing, normal"
                            .formatted(row.name(), schedule));
        }
        return asked;
    }

    private static Spacing first(@Nullable Spacing asked, @Nullable Spacing wished, Spacing usual) {
        if (asked != null) {
            return asked;
        }
        return wished == null ? usual : wished;
    }
}
