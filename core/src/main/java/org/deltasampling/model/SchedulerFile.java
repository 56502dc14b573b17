package org.deltasampling.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.deltasampling.diffusion.FlowSchedule;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.SchedulerConfig.Clipping;
import org.deltasampling.diffusion.SchedulerConfig.End;
import org.deltasampling.diffusion.SchedulerConfig.Placement;
import org.deltasampling.diffusion.SchedulerConfig.Remarks;
import org.deltasampling.diffusion.SchedulerConfig.Solver;
import org.deltasampling.diffusion.SigmaSpacing;
import org.deltasampling.diffusion.Spacing;
import org.deltasampling.diffusion.TrainedSchedule;
import org.deltasampling.file.Quoted;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.JsonFile;
import org.jspecify.annotations.Nullable;

/**
 * A diffusers {@code scheduler_config.json}, read strictly. What changes the training's levels or the network's output is
 * honoured or refused here; settings of single schedulers that are not implemented go into the config's remarks, for the
 * samplers that would heed them to refuse.
 *
 * <p>The file's class matters only for what it leaves out. A spacing that is merely its class's default says nothing, since
 * diffusers writes every default out on saving: DDIM's saved {@code leading} does not say how Euler is to be spaced.
 * (diffusers itself forgets that difference once a pipeline is saved: {@code
 * EulerDiscreteScheduler.from_config(pipe.scheduler.config)} is spaced linspace for a DDIM scheduler made in memory and
 * leading for the same one loaded from a folder.)
 */
public final class SchedulerFile {

    /** How the classes of flow models' schedulers begin. */
    private static final String FLOW = "FlowMatch";

    private static final int MOST_TIMESTEPS = 1_000_000;

    /** Betas that differ from 0 and 1 in float32, all along the product of 1 - beta. */
    private static final double LEAST_BETA = 1e-6;

    private static final double MOST_BETA = 0.999;

    /** Past this sigma there is no signal left in float32. */
    private static final double MOST_SIGMA = 1e6;

    /** The defaults of diffusers' classes: the spacing, and the betas if they are not 0.0001 to 0.02. */
    private record Defaults(@Nullable Spacing spacing, double betaStart, double betaEnd, String betas) {

        private static Defaults usual(@Nullable Spacing spacing) {
            return new Defaults(spacing, 0.0001, 0.02, "linear");
        }

        private static final Defaults LEADING = usual(Spacing.LEADING);
        private static final Defaults LINSPACE = usual(Spacing.LINSPACE);
        private static final Defaults UNKNOWN = usual(null);
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

    private final JsonNode json;
    private final Settings settings;

    private SchedulerFile(JsonNode json) {
        this.json = json;
        this.settings = new Settings("scheduler", json);
    }

    /**
     * The config in {@code json}, of a model that is not known to be a flow.
     *
     * @throws BadWeightsException naming the setting, if it is of the wrong kind, out of range or not implemented
     */
    public static SchedulerConfig read(JsonNode json) {
        return new SchedulerFile(json).read(false);
    }

    /** The config in the file of a model of that family, with {@code overrides} in its place. */
    static SchedulerConfig read(Path file, Architecture family, ModelOverrides overrides) {
        JsonNode json = JsonFile.read(file);
        try {
            return new SchedulerFile(overridden(json, overrides)).read(family.isFlow());
        } catch (BadWeightsException e) {
            throw new BadWeightsException("%s: %s".formatted(file, e.getMessage()), e);
        }
    }

    private static JsonNode overridden(JsonNode json, ModelOverrides overrides) {
        ObjectNode object = (ObjectNode) json;
        if (overrides.prediction() != null) {
            object.put("prediction_type", overrides.prediction().name().toLowerCase(Locale.ROOT));
        }
        if (overrides.zeroSnr() != null) {
            object.put("rescale_betas_zero_snr", overrides.zeroSnr());
        }
        return overrides.scheduler() == null ? object : object.put("_class_name", overrides.scheduler());
    }

    private SchedulerConfig read(boolean flowFamily) {
        String type = settings.text("_class_name", flowFamily ? FLOW : "DDIMScheduler");
        Defaults known = Defaults.OF_CLASS.get(type);
        boolean flow = type.startsWith(FLOW) || settings.flag("use_flow_sigmas", false);
        if (flow || (known == null && flowFamily)) {
            return flow(type);
        }
        if (flowFamily) {
            throw settings.refused(
                    "_class_name",
                    "is %s without use_flow_sigmas, and the model is a flow: use FlowMatchEulerDiscreteScheduler"
                            .formatted(type));
        }
        return diffusion(type, known == null ? Defaults.UNKNOWN : known, known != null);
    }

    private SchedulerConfig diffusion(String type, Defaults defaults, boolean known) {
        Spacing stated = json.hasNonNull("timestep_spacing") ? spacing(settings.text("timestep_spacing", "")) : null;
        TrainedSchedule trained = trained(defaults);
        Double sigmaMin = sigma("sigma_min");
        Double sigmaMax = sigma("sigma_max");
        if (sigmaMin != null && sigmaMax != null && sigmaMin >= sigmaMax) {
            throw settings.refused("sigma_min", "must be less than sigma_max");
        }
        return new SchedulerConfig(
                trained,
                parameterization(settings.text("prediction_type", "epsilon")),
                new Placement(
                        stated == defaults.spacing ? null : stated,
                        whole("steps_offset", 1, 0, trained.steps()), // where it is missing, diffusers' pipelines set 1
                        sigmas(),
                        sigmaMin,
                        sigmaMax),
                new End(
                        json.hasNonNull("set_alpha_to_one") ? settings.flag("set_alpha_to_one", true) : null,
                        oneOf("final_sigmas_type", "zero", "sigma_min").equals("sigma_min")),
                clipping(),
                solver(),
                remarks(
                        known
                                ? null
                                : "the scheduler class %s is not known here: its betas and its prediction are read as those of DDPMScheduler"
                                        .formatted(Quoted.of(type))));
    }

    private SchedulerConfig flow(String type) {
        settings.require("prediction_type", "flow_prediction", "flow");
        settings.require("invert_sigmas", "false");
        settings.require("shift_terminal");
        settings.require("sigma_min");
        settings.require("sigma_max");
        boolean own = type.startsWith(FLOW) || !settings.flag("use_flow_sigmas", false);
        if (!own) {
            settings.require("use_dynamic_shifting", "false");
        }
        int steps = whole("num_train_timesteps", 1000, 2, MOST_TIMESTEPS);
        double shift = number(own ? "shift" : "flow_shift", 1, 1e-3, 1e3);
        return new SchedulerConfig(
                new FlowSchedule(steps, shift, settings.flag("use_dynamic_shifting", false) ? bySize() : null),
                Parameterization.FLOW,
                new Placement(null, 0, sigmas(), null, null),
                End.DEFAULT,
                Clipping.NONE,
                solver(),
                remarks(null));
    }

    private FlowSchedule.BySize bySize() {
        boolean exponential = oneOf("time_shift_type", "exponential", "linear").equals("exponential");
        double least = exponential ? -20 : 1e-3;
        int base = whole("base_image_seq_len", 256, 1, Integer.MAX_VALUE);
        return new FlowSchedule.BySize(
                number("base_shift", 0.5, least, 20),
                number("max_shift", 1.15, least, 20),
                base,
                whole("max_image_seq_len", 4096, base + 1.0, Integer.MAX_VALUE),
                exponential);
    }

    private TrainedSchedule trained(Defaults defaults) {
        TrainedSchedule trained = json.hasNonNull("trained_betas") ? ofBetas() : ofSchedule(defaults);
        if (trained.highest() > MOST_SIGMA) {
            throw settings.refused(
                    json.hasNonNull("trained_betas") ? "trained_betas" : "beta_end",
                    "leaves no signal at the last timestep: the betas are too large");
        }
        return settings.flag("rescale_betas_zero_snr", false) ? TrainedSchedule.zeroTerminalSnr(trained) : trained;
    }

    private TrainedSchedule ofBetas() {
        JsonNode list = json.get("trained_betas");
        if (!list.isArray() || list.size() < 2 || list.size() > MOST_TIMESTEPS) {
            throw settings.refused("trained_betas", "must be a list of numbers, one for each timestep");
        }
        if (whole("num_train_timesteps", list.size(), 2, MOST_TIMESTEPS) != list.size()) {
            throw settings.refused(
                    "trained_betas",
                    "has %d values where num_train_timesteps is %s"
                            .formatted(list.size(), json.get("num_train_timesteps")));
        }
        float[] betas = new float[list.size()];
        for (int i = 0; i < betas.length; i++) {
            double beta = list.get(i).isNumber() ? list.get(i).doubleValue() : Double.NaN;
            betas[i] = (float) within("trained_betas", beta, LEAST_BETA, MOST_BETA);
        }
        return TrainedSchedule.ofBetas(betas);
    }

    private TrainedSchedule ofSchedule(Defaults defaults) {
        int steps = whole("num_train_timesteps", 1000, 2, MOST_TIMESTEPS);
        double start = number("beta_start", defaults.betaStart, LEAST_BETA, MOST_BETA);
        double end = number("beta_end", defaults.betaEnd, LEAST_BETA, MOST_BETA);
        settings.require("beta_schedule", "linear", "scaled_linear");
        return settings.text("beta_schedule", defaults.betas).equals("linear")
                ? TrainedSchedule.linear(steps, start, end)
                : TrainedSchedule.scaledLinear(steps, start, end);
    }

    private Parameterization parameterization(String prediction) {
        return switch (prediction) {
            case "epsilon" -> Parameterization.EPSILON;
            case "v_prediction" -> Parameterization.V_PREDICTION;
            case "sample" -> Parameterization.SAMPLE;
            default ->
                throw settings.refused(
                        "prediction_type",
                        "is %s, and known are epsilon, v_prediction and sample (flow_prediction with use_flow_sigmas)"
                                .formatted(Quoted.of(prediction)));
        };
    }

    private Spacing spacing(String name) {
        return switch (name) {
            case "linspace" -> Spacing.LINSPACE;
            case "leading" -> Spacing.LEADING;
            case "trailing" -> Spacing.TRAILING;
            default ->
                throw settings.refused(
                        "timestep_spacing",
                        "is %s, and known are linspace, leading and trailing".formatted(Quoted.of(name)));
        };
    }

    private @Nullable SigmaSpacing sigmas() {
        List<SigmaSpacing> enabled = new ArrayList<>();
        for (SigmaSpacing spacing : List.of(SigmaSpacing.KARRAS, SigmaSpacing.EXPONENTIAL, SigmaSpacing.BETA)) {
            if (settings.flag("use_%s_sigmas".formatted(spacing.name().toLowerCase(Locale.ROOT)), false)) {
                enabled.add(spacing);
            }
        }
        if (enabled.size() > 1) {
            throw settings.refused(
                    "use_karras_sigmas", "and use_exponential_sigmas and use_beta_sigmas exclude each other");
        }
        if (enabled.isEmpty() && settings.flag("use_lu_lambdas", false)) {
            return SigmaSpacing.LU;
        }
        return enabled.isEmpty() ? null : enabled.get(0);
    }

    private @Nullable Double sigma(String key) {
        return json.hasNonNull(key) ? number(key, 0, 1e-6, MOST_SIGMA) : null;
    }

    private Clipping clipping() {
        return new Clipping(
                json.hasNonNull("clip_sample") ? settings.flag("clip_sample", true) : null,
                number("clip_sample_range", 1, 1e-6, MOST_SIGMA));
    }

    private Solver solver() {
        Set<Integer> uncorrected = new HashSet<>();
        settings.wholes("disable_corrector").forEach(step -> uncorrected.add((int) (long) step));
        return new Solver(
                whole("solver_order", Solver.DEFAULT.order(), 1, 3),
                oneOf("solver_type", "", "midpoint", "heun", "logrho", "bh1", "bh2"),
                settings.flag("lower_order_final", true),
                settings.flag("euler_at_final", false),
                settings.flag("skip_prk_steps", true),
                uncorrected);
    }

    private Remarks remarks(@Nullable String note) {
        Map<String, String> unsupported = new HashMap<>();
        expect(unsupported, "interpolation_type", "linear");
        expect(unsupported, "timestep_type", "discrete");
        expect(unsupported, "thresholding", "false");
        expect(unsupported, "algorithm_type", "dpmsolver++", "deis");
        expect(unsupported, "lambda_min_clipped", "-Infinity");
        expect(unsupported, "variance_type", "fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log");
        expect(unsupported, "predict_x0", "true");
        expect(unsupported, "solver_p");
        expect(unsupported, "stochastic_sampling", "false");
        return new Remarks(unsupported, note);
    }

    private void expect(Map<String, String> unsupported, String key, String... supported) {
        String value = json.hasNonNull(key) ? json.get(key).asText() : "";
        if (json.hasNonNull(key) && !List.of(supported).contains(value)) {
            unsupported.put(key, value.isEmpty() ? json.get(key).toString() : value);
        }
    }

    /** The text of {@code key}, one of {@code known}, the first of which stands for a missing one. */
    private String oneOf(String key, String... known) {
        String value = settings.text(key, known[0]);
        if (!List.of(known).contains(value)) {
            throw settings.refused(
                    key,
                    "is %s, and known are %s"
                            .formatted(
                                    Quoted.of(value), String.join(", ", known).replaceFirst("^, ", "")));
        }
        return value;
    }

    private double number(String key, double otherwise, double least, double most) {
        return within(key, settings.number(key, otherwise), least, most);
    }

    private int whole(String key, int otherwise, double least, double most) {
        settings.whole(key, otherwise); // refuses what is not a whole number
        return (int) within(key, json.path(key).asDouble(otherwise), least, most);
    }

    private double within(String key, double value, double least, double most) {
        if (!(value >= least && value <= most)) { // NaN is outside too
            throw outside(key, value, least, most);
        }
        return value;
    }

    private BadWeightsException outside(String key, double value, double least, double most) {
        return settings.refused(
                key, "is %s where a number from %s to %s is needed".formatted(text(value), text(least), text(most)));
    }

    private static String text(double number) {
        return number == Math.rint(number) && Math.abs(number) < 1e15
                ? Long.toString((long) number)
                : Double.toString(number);
    }
}
