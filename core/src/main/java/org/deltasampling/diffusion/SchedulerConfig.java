package org.deltasampling.diffusion;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a model says of how it was trained and wants to be sampled: a diffusers {@code scheduler_config.json}, or what is
 * known of its family where there is none.
 *
 * @param trained the noise levels it was trained on
 * @param parameterization what its output means
 * @param spacing the spacing it asks for; null: it leaves that to the sampler
 * @param karras whether it asks for Karras levels
 * @param offset added to leading timesteps
 * @param endsAtOne whether DDIM and PNDM end in no noise or at the first trained level; null: the sampler's own way
 * @param rungeKutta whether PNDM begins with Runge-Kutta steps
 * @param lowerOrderLast whether DPM-Solver++ takes the last of few steps with first order
 * @param limit what DDIM holds its guess of the clean latent to, infinite if it does not
 * @param endsAtLowest whether the samplers that would end without noise end at the lowest trained level instead
 */
public record SchedulerConfig(
        LevelRange trained,
        Parameterization parameterization,
        @Nullable Spacing spacing,
        boolean karras,
        int offset,
        @Nullable Boolean endsAtOne,
        boolean rungeKutta,
        boolean lowerOrderLast,
        double limit,
        boolean endsAtLowest) {

    /** What diffusers' classes do where a file is silent: the spacing, and the betas if they are not 0.0001 to 0.02. */
    private record Defaults(Spacing spacing, double betaStart, double betaEnd, String betas) {

        private static Defaults usual(Spacing spacing) {
            return new Defaults(spacing, 0.0001, 0.02, "linear");
        }

        private static final Defaults LEADING = usual(Spacing.LEADING);
        private static final Defaults LINSPACE = usual(Spacing.LINSPACE);
        private static final Defaults HEUN = new Defaults(Spacing.LINSPACE, 0.00085, 0.012, "linear");
        private static final Defaults LCM = new Defaults(Spacing.LEADING, 0.00085, 0.012, "scaled_linear");

        private static final Map<String, Defaults> OF_CLASS = Map.ofEntries(
                Map.entry("DDIMScheduler", LEADING),
                Map.entry("DDPMScheduler", LEADING),
                Map.entry("PNDMScheduler", LEADING),
                Map.entry("EulerDiscreteScheduler", LINSPACE),
                Map.entry("EulerAncestralDiscreteScheduler", LINSPACE),
                Map.entry("LMSDiscreteScheduler", LINSPACE),
                Map.entry("DPMSolverMultistepScheduler", LINSPACE),
                Map.entry("DPMSolverSinglestepScheduler", LINSPACE),
                Map.entry("DEISMultistepScheduler", LINSPACE),
                Map.entry("UniPCMultistepScheduler", LINSPACE),
                Map.entry("HeunDiscreteScheduler", HEUN),
                Map.entry("KDPM2DiscreteScheduler", HEUN),
                Map.entry("KDPM2AncestralDiscreteScheduler", HEUN),
                Map.entry("LCMScheduler", LCM),
                Map.entry("TCDScheduler", LCM));
    }

    /** What Stable Diffusion 1 and 2 are trained with, and how diffusers samples them, where no file says so. */
    public static SchedulerConfig stableDiffusion(Parameterization parameterization) {
        return new SchedulerConfig(
                TrainedSchedule.scaledLinear(1000, 0.00085, 0.012),
                parameterization,
                null,
                false,
                1,
                false,
                false,
                true,
                Double.POSITIVE_INFINITY,
                false);
    }

    /** A flow model's: trained on that flow, and sampled as diffusers' FlowMatchEulerDiscrete does. */
    public static SchedulerConfig flow(FlowSchedule trained, boolean karras) {
        return new SchedulerConfig(
                trained, Parameterization.FLOW, null, karras, 0, null, false, true, Double.POSITIVE_INFINITY, false);
    }

    /** The diffusers class of flow models' schedulers. */
    private static final String FLOW = "FlowMatchEulerDiscreteScheduler";

    /** What of that class is not implemented. */
    private static final List<String> FLOW_UNKNOWN = List.of(
            "stochastic_sampling", "invert_sigmas", "shift_terminal", "use_exponential_sigmas", "use_beta_sigmas");

    /**
     * Reads a {@code scheduler_config.json}.
     *
     * <p>Its class matters only for what it leaves out. A spacing that is merely its class's default says nothing, since
     * diffusers writes every default out on saving: DDIM's saved {@code leading} is no wish for how Euler is to be spaced.
     * (diffusers itself forgets that difference once a pipeline is saved: {@code
     * EulerDiscreteScheduler.from_config(pipe.scheduler.config)} is spaced linspace for a DDIM scheduler made in memory and
     * leading for the same one loaded from a folder.)
     *
     * @throws BadSamplingException if it describes a process or an output that is not known here
     */
    public static SchedulerConfig read(JsonNode file) {
        String type = file.path("_class_name").asText("DDIMScheduler");
        if (type.equals(FLOW)) {
            return flow(file);
        }
        Defaults defaults = Defaults.OF_CLASS.get(type);
        if (defaults == null) {
            throw new BadSamplingException(
                    "the scheduler_config.json is for %s, which is not supported: use %s, or one of %s"
                            .formatted(type, FLOW, sorted(Defaults.OF_CLASS.keySet())));
        }
        Spacing stated = file.hasNonNull("timestep_spacing")
                ? spacing(file.get("timestep_spacing").asText())
                : null;
        return new SchedulerConfig(
                trained(file, defaults),
                parameterization(file.path("prediction_type").asText("epsilon")),
                stated == defaults.spacing ? null : stated,
                file.path("use_karras_sigmas").asBoolean(false),
                file.path("steps_offset").asInt(1), // where it is missing, diffusers' pipelines set 1
                file.has("set_alpha_to_one") ? file.get("set_alpha_to_one").asBoolean() : null,
                !file.path("skip_prk_steps").asBoolean(true),
                file.path("lower_order_final").asBoolean(true),
                file.path("clip_sample").asBoolean(true)
                        ? file.path("clip_sample_range").asDouble(1)
                        : Double.POSITIVE_INFINITY,
                file.path("final_sigmas_type").asText("zero").equals("sigma_min"));
    }

    private static SchedulerConfig flow(JsonNode file) {
        for (String unknown : FLOW_UNKNOWN) {
            if (file.path(unknown).asBoolean(false) || file.path(unknown).isNumber()) {
                throw new BadSamplingException(
                        "the scheduler_config.json sets %s, which is not supported: take it out".formatted(unknown));
            }
        }
        int steps = file.path("num_train_timesteps").asInt(1000);
        double shift = file.path("shift").asDouble(1);
        boolean karras = file.path("use_karras_sigmas").asBoolean(false);
        if (!file.path("use_dynamic_shifting").asBoolean(false)) {
            return flow(FlowSchedule.shifted(steps, shift), karras);
        }
        FlowSchedule.BySize bySize = new FlowSchedule.BySize(
                file.path("base_shift").asDouble(0.5),
                file.path("max_shift").asDouble(1.15),
                file.path("base_image_seq_len").asLong(256),
                file.path("max_image_seq_len").asLong(4096),
                !file.path("time_shift_type").asText("exponential").equals("linear"));
        return flow(new FlowSchedule(steps, shift, bySize), karras);
    }

    /** The same for an image of so many patches: flow models may shift their levels by its size. */
    public SchedulerConfig at(long patches) {
        return trained instanceof FlowSchedule flow ? flow(flow.at(patches), karras) : this;
    }

    /**
     * The levels of a diffusion model.
     *
     * @throws BadSamplingException if this is a flow model's
     */
    public TrainedSchedule diffusion() {
        if (trained instanceof TrainedSchedule diffusion) {
            return diffusion;
        }
        throw new BadSamplingException("this is a flow model, which has no betas: give the sampler euler");
    }

    /** Its levels by whole timesteps where it was trained on such, as the authors' reference has them. */
    public LevelRange whole() {
        return trained instanceof TrainedSchedule diffusion ? diffusion.whole() : trained;
    }

    /** The same for a model whose output means something else than the file says. */
    public SchedulerConfig with(Parameterization other) {
        return new SchedulerConfig(
                trained, other, spacing, karras, offset, endsAtOne, rungeKutta, lowerOrderLast, limit, endsAtLowest);
    }

    private static TrainedSchedule trained(JsonNode file, Defaults defaults) {
        int steps = file.path("num_train_timesteps").asInt(1000);
        double start = file.path("beta_start").asDouble(defaults.betaStart);
        double end = file.path("beta_end").asDouble(defaults.betaEnd);
        String betas = file.path("beta_schedule").asText(defaults.betas);
        TrainedSchedule trained;
        if (file.path("trained_betas").isArray()) {
            trained = TrainedSchedule.ofBetas(listed(file.get("trained_betas")));
        } else if (betas.equals("scaled_linear")) {
            trained = TrainedSchedule.scaledLinear(steps, start, end);
        } else if (betas.equals("linear")) {
            trained = TrainedSchedule.linear(steps, start, end);
        } else {
            throw new BadSamplingException(
                    "the scheduler_config.json asks for the beta_schedule %s: known are linear and scaled_linear"
                            .formatted(betas));
        }
        boolean rescaled = file.path("rescale_betas_zero_snr").asBoolean(false);
        return rescaled ? TrainedSchedule.zeroTerminalSnr(trained) : trained;
    }

    private static Parameterization parameterization(String prediction) {
        return switch (prediction) {
            case "epsilon" -> Parameterization.EPSILON;
            case "v_prediction" -> Parameterization.V_PREDICTION;
            default ->
                throw new BadSamplingException(
                        "the scheduler_config.json asks for the prediction_type %s: known are epsilon and v_prediction"
                                .formatted(prediction));
        };
    }

    private static Spacing spacing(String name) {
        return switch (name) {
            case "linspace" -> Spacing.LINSPACE;
            case "leading" -> Spacing.LEADING;
            case "trailing" -> Spacing.TRAILING;
            default ->
                throw new BadSamplingException(
                        "the scheduler_config.json asks for the timestep_spacing %s: known are linspace, leading and trailing"
                                .formatted(name));
        };
    }

    private static float[] listed(JsonNode numbers) {
        float[] values = new float[numbers.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) numbers.get(i).asDouble();
        }
        return values;
    }

    private static String sorted(Set<String> names) {
        return names.stream().sorted().collect(Collectors.joining(", "));
    }
}
