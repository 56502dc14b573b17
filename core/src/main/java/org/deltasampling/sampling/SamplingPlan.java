package org.deltasampling.sampling;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.deltasampling.diffusion.BadSamplingException;
import org.deltasampling.diffusion.FlowSchedule;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.NoiseSchedule;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.Spacing;
import org.deltasampling.diffusion.Step;
import org.deltasampling.diffusion.TimestepGrid;
import org.deltasampling.diffusion.TrainedSchedule;
import org.deltasampling.tensor.Latent;
import org.jspecify.annotations.Nullable;

/**
 * A sampler and all its numbers, found by the names that the command line has for them.
 *
 * @param sampler follows the plan
 * @param plan the levels, from noise to image
 * @param startScale what unit noise is multiplied with to be a point of the first level; diffusers' sigma-based schedulers
 *     leave out the signal's share of the variance there (init_noise_sigma), the others and ComfyUI do not
 */
public record SamplingPlan(Sampler sampler, List<Step> plan, double startScale) {

    /** Euler under diffusers' name for flow models, for which it is taken too. */
    private static final String FLOW_EULER = "flow-euler";

    /** The samplers, with the way diffusers' scheduler of that kind places its steps and its spacing by default. */
    private enum Method {
        DDIM(TimestepGrid.WHOLE, Spacing.LEADING),
        EULER(TimestepGrid.FRACTIONAL, Spacing.LINSPACE),
        EULER_ANCESTRAL(TimestepGrid.FRACTIONAL, Spacing.LINSPACE),
        HEUN(TimestepGrid.FRACTIONAL, Spacing.LINSPACE),
        DPMPP_2M(TimestepGrid.OPEN, Spacing.LINSPACE),
        UNIPC(TimestepGrid.OPEN, Spacing.LINSPACE),
        LMS(TimestepGrid.FRACTIONAL, Spacing.LINSPACE),
        PNDM(TimestepGrid.WHOLE, Spacing.LEADING),
        DEIS(TimestepGrid.OPEN, Spacing.LINSPACE);

        private final TimestepGrid grid;
        private final Spacing spacing;

        Method(TimestepGrid grid, Spacing spacing) {
            this.grid = grid;
            this.spacing = spacing;
        }

        /** As diffusers has it under {@code config}. */
        private Sampler sampler(SchedulerConfig config) {
            return switch (this) {
                case DDIM -> Double.isInfinite(config.limit()) ? new Euler() : new ClippedDdim(config.limit());
                case EULER -> new Euler();
                case EULER_ANCESTRAL -> new EulerAncestral();
                case HEUN -> Heun.OF_NOISES;
                case DPMPP_2M -> new DpmPlusPlus2M(config.lowerOrderLast());
                case UNIPC -> new UniPc(2, UniPc.Scale.EXPM1);
                case LMS -> LinearMultistep.lms();
                case PNDM -> new Pndm(config.parameterization(), config.rungeKutta() ? config.diffusion() : null);
                case DEIS -> LinearMultistep.deis();
            };
        }

        /** Whether diffusers' scheduler heeds use_karras_sigmas. */
        private boolean mayBeKarras() {
            return grid != TimestepGrid.WHOLE && this != EULER_ANCESTRAL;
        }

        /** Where diffusers' scheduler ends under {@code config}. */
        private NoiseLevel end(SchedulerConfig config) {
            NoiseLevel lowest = NoiseLevel.preserving(0, config.diffusion().lowest());
            boolean clean = switch (this) {
                case DDIM -> config.endsAtOne() == null || config.endsAtOne();
                case PNDM -> config.endsAtOne() != null && config.endsAtOne();
                case DEIS -> false;
                case EULER, DPMPP_2M, UNIPC -> !config.endsAtLowest();
                case EULER_ANCESTRAL, HEUN, LMS -> true;
            };
            return clean ? NoiseLevel.CLEAN : lowest;
        }
    }

    /** The schedules; those without a spacing of their own leave it to the model's config and the sampler. */
    private enum Schedule {
        LINSPACE(Spacing.LINSPACE, false),
        LEADING(Spacing.LEADING, false),
        TRAILING(Spacing.TRAILING, false),
        KARRAS(null, true),
        LINSPACE_KARRAS(Spacing.LINSPACE, true),
        LEADING_KARRAS(Spacing.LEADING, true),
        TRAILING_KARRAS(Spacing.TRAILING, true),
        NORMAL(null, false);

        private final @Nullable Spacing spacing;
        private final boolean karras;

        Schedule(@Nullable Spacing spacing, boolean karras) {
            this.spacing = spacing;
            this.karras = karras;
        }
    }

    /** The names of all samplers. */
    public static List<String> samplers() {
        return names(Method.values());
    }

    /** The names of all schedules. */
    public static List<String> schedules() {
        return names(Schedule.values());
    }

    /**
     * Plans {@code steps} steps of a model.
     *
     * @param sampler one of {@link #samplers()}; {@code lms}, {@code pndm} and {@code deis} are not for flow models, for
     *     which {@code ddim} is the same as {@code euler}
     * @param schedule one of {@link #schedules()}: a spacing, with or without Karras levels, as diffusers has them for that
     *     sampler; {@code karras} with the spacing that would be used anyway; or {@code normal} as ComfyUI has it, and with it
     *     ComfyUI's UniPC and LMS. Null: what {@code config} asks for, else the sampler's default in diffusers
     * @throws BadSamplingException for an unknown name or a number of steps that cannot be taken
     */
    public static SamplingPlan of(String sampler, @Nullable String schedule, SchedulerConfig config, int steps) {
        boolean flows = config.trained() instanceof FlowSchedule;
        Method method = flows && sampler.equals(FLOW_EULER) ? Method.EULER : named(Method.values(), sampler, "sampler");
        Schedule chosen = schedule == null ? null : named(Schedule.values(), schedule, "schedule");
        if (config.trained() instanceof FlowSchedule flow) {
            return flowing(method, chosen, flow, config.karras(), steps);
        }
        return chosen == Schedule.NORMAL ? normal(method, config, steps) : spaced(method, chosen, config, steps);
    }

    /** The start: {@code noise}, of unit variance, as a point of the first level. */
    public Latent start(Latent noise) {
        return noise.times(startScale);
    }

    /** What the network is told, step by step. */
    public List<Double> timesteps() {
        return plan.stream().map(step -> step.from().timestep()).toList();
    }

    /** kappa of each step's start and of the end; diffusers' and ComfyUI's sigmas of models that are no flows. */
    public List<Double> sigmas() {
        List<Double> all =
                new ArrayList<>(plan.stream().map(step -> step.from().kappa()).toList());
        all.add(plan.get(plan.size() - 1).to().kappa());
        return all;
    }

    /** ComfyUI's normal is diffusers' own schedule of flows. */
    private static SamplingPlan flowing(
            Method method, @Nullable Schedule schedule, FlowSchedule flow, boolean karras, int steps) {
        if (schedule != null && schedule.spacing != null) {
            throw new BadSamplingException(
                    "flow models have no %s schedule: give karras or normal, or none".formatted(name(schedule)));
        }
        Sampler sampler = switch (method) {
            case EULER, DDIM -> new Euler();
            case EULER_ANCESTRAL -> new EulerAncestral();
            case HEUN -> Heun.OF_VELOCITIES;
            case DPMPP_2M -> new DpmPlusPlus2M(true);
            case UNIPC -> new UniPc(2, UniPc.Scale.EXPM1);
            case LMS, PNDM, DEIS ->
                throw new BadSamplingException(
                        "%s is not for flow models such as SD-3, which begin in noise alone: give one of euler, euler-ancestral, heun, dpmpp-2m, unipc"
                                .formatted(name(method)));
        };
        boolean asKarras = schedule == null ? karras : schedule.karras;
        NoiseSchedule levels;
        if (asKarras) {
            NoiseSchedule all = NoiseSchedule.flow(flow, true);
            levels = method == Method.UNIPC ? NoiseSchedule.withSignal(all) : all;
        } else {
            levels = switch (method) {
                case DPMPP_2M -> NoiseSchedule.flowToSolve(flow);
                case UNIPC -> NoiseSchedule.flowToCorrect(flow);
                default -> NoiseSchedule.flow(flow, false);
            };
        }
        return new SamplingPlan(sampler, levels.plan(steps), 1);
    }

    private static SamplingPlan normal(Method method, SchedulerConfig config, int steps) {
        NoiseSchedule normal = NoiseSchedule.normal(config.diffusion());
        return switch (method) {
            case UNIPC -> {
                UniPc comfy = new UniPc(Math.max(1, Math.min(3, steps - 1)), UniPc.Scale.H);
                yield new SamplingPlan(
                        comfy, NoiseSchedule.withoutPenultimate(normal).plan(steps), 1);
            }
            case LMS -> new SamplingPlan(LinearMultistep.lmsToDenoised(), normal.plan(steps), 1);
            case DDIM -> new SamplingPlan(new Euler(), normal.plan(steps), 1);
            default -> new SamplingPlan(method.sampler(config), normal.plan(steps), 1);
        };
    }

    private static SamplingPlan spaced(Method method, @Nullable Schedule schedule, SchedulerConfig config, int steps) {
        Spacing spacing = method.spacing;
        if (config.spacing() != null) {
            spacing = config.spacing();
        }
        if (schedule != null && schedule.spacing != null) {
            spacing = schedule.spacing;
        }
        if (schedule != null && schedule.karras && method == Method.PNDM) {
            throw new BadSamplingException("pndm needs steps equal in time, which Karras levels are not:"
                    + " give another sampler, or one of the schedules leading, linspace, trailing, normal");
        }
        boolean karras = schedule == null ? config.karras() && method.mayBeKarras() : schedule.karras;
        NoiseLevel end = method.end(config);
        TrainedSchedule trained = config.diffusion();
        NoiseSchedule levels;
        if (karras) {
            levels = NoiseSchedule.karras(trained, method.grid, spacing, config.offset(), end);
        } else if (method.grid == TimestepGrid.WHOLE) {
            levels = NoiseSchedule.stepping(trained, spacing, config.offset(), end);
        } else {
            levels = NoiseSchedule.spaced(trained, method.grid, spacing, config.offset(), end);
        }
        List<Step> plan = levels.plan(steps);
        boolean withoutSignal = method.grid == TimestepGrid.FRACTIONAL && spacing != Spacing.LEADING;
        double startScale = withoutSignal ? plan.get(0).from().sigma() : 1;
        return new SamplingPlan(method.sampler(config), plan, startScale);
    }

    private static <E extends Enum<E>> E named(E[] known, String name, String what) {
        return Arrays.stream(known)
                .filter(e -> name(e).equals(name))
                .findFirst()
                .orElseThrow(() -> new BadSamplingException(
                        "there is no %s %s: give one of %s".formatted(what, name, String.join(", ", names(known)))));
    }

    private static List<String> names(Enum<?>[] known) {
        return Arrays.stream(known).map(SamplingPlan::name).collect(Collectors.toList());
    }

    private static String name(Enum<?> e) {
        return e.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
