package org.deltasampling.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.Step;
import org.deltasampling.model.SchedulerFile;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The sums and means that diffusers' own tests expect of its schedulers (tests/schedulers, 0.40.0.dev0), to their
 * tolerances: ten steps of a network that answers {@code x t / (t + 1)}. A missing sum is one that they do not check.
 */
@ExtendWith(NoLeaks.class)
class SchedulerFiguresTest {

    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(JsonReadFeature.ALLOW_UNQUOTED_FIELD_NAMES, JsonReadFeature.ALLOW_SINGLE_QUOTES)
            .build();

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            ddim     |                                                                    | 172.0067 | 0.223967
            ddim     | prediction_type: 'v_prediction'                                      |  52.5302 | 0.0684
            ddim     | set_alpha_to_one: true, beta_start: 0.01                           | 149.8295 | 0.1951
            ddim     | set_alpha_to_one: false, beta_start: 0.01                          | 149.0784 | 0.1941
            pndm     | skip_prk_steps: false                                              | 198.1318 | 0.2580
            pndm     | skip_prk_steps: false, prediction_type: 'v_prediction'             |  67.3986 | 0.0878
            pndm     | skip_prk_steps: false, set_alpha_to_one: true, beta_start: 0.01    | 230.0399 | 0.2995
            pndm     | skip_prk_steps: false, set_alpha_to_one: false, beta_start: 0.01   | 186.9482 | 0.2434
            dpmpp-2m | lower_order_final: false, final_sigmas_type: 'sigma_min'             |          | 0.3301
            dpmpp-2m | lower_order_final: false, final_sigmas_type: 'sigma_min', prediction_type: 'v_prediction' | | 0.2251
            dpmpp-2m | lower_order_final: false, final_sigmas_type: 'sigma_min', prediction_type: 'v_prediction', use_karras_sigmas: true | | 0.2096
            unipc    | final_sigmas_type: 'sigma_min'                                       |          | 0.2464
            unipc    | final_sigmas_type: 'sigma_min', use_karras_sigmas: true              |          | 0.2925
            unipc    | final_sigmas_type: 'sigma_min', prediction_type: 'v_prediction'        |          | 0.1014
            unipc    | final_sigmas_type: 'sigma_min', prediction_type: 'v_prediction', use_karras_sigmas: true | | 0.1966
            deis     |                                                                    |          | 0.23916
            deis     | prediction_type: 'v_prediction'                                      |          | 0.091
            """)
    void variancePreservingSchedulers(String sampler, @Nullable String settings, @Nullable Double sum, double mean) {
        try (TensorScope scope = TensorScope.open()) {
            SchedulerConfig config = config(1000, settings);
            SamplingPlan plan = SamplingPlan.of(sampler, null, config, 10);
            Latent end = plan.sampler()
                    .sample(network(config), sample(), plan.plan(), NoiseSource.none(), StepListener.NONE);
            assertSums(end, sum, mean, 1e-2);
        }
    }

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            euler           |                               |   10.0807 | 0.0131
            euler           | prediction_type: 'v_prediction' |    0.0002 | 2.2676e-06
            euler           | use_karras_sigmas: true       |  124.5230 | 0.1621
            euler-ancestral |                               |  152.3192 | 0.1983
            euler-ancestral | prediction_type: 'v_prediction' |  108.4439 | 0.1412
            heun            |                               |    0.1233 | 0.0002
            heun            | prediction_type: 'v_prediction' | 4.693e-07 | 6.1112e-10
            heun            | use_karras_sigmas: true       |   0.00015 | 1.987e-07
            lms             |                               | 1006.388  | 1.31
            lms             | prediction_type: 'v_prediction' |    0.0017 | 2.2676e-06
            lms             | use_karras_sigmas: true       | 3812.9927 | 4.9648
            """)
    void sigmaBasedSchedulers(String sampler, @Nullable String settings, double sum, double mean) {
        try (TensorScope scope = TensorScope.open()) {
            SchedulerConfig config = config(1100, settings);
            SamplingPlan plan = SamplingPlan.of(sampler, null, config, 10);
            SeededNoise noise = new SeededNoise(0);
            Latent start = sample().times(plan.plan().get(0).from().kappa());
            Latent end = plan.sampler()
                    .sample(shrunken(config), start, shrinking(plan.plan()), noise::draw, StepListener.NONE);
            assertSums(end, sum, mean, 2e-2);
        }
    }

    /** Begins in the middle, from the sample under noise. */
    @ParameterizedTest(name = "{0} from step {1}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            ddim     | 8 |                                                          | 354.5418 | 0.4616
            dpmpp-2m | 5 | lower_order_final: false, final_sigmas_type: 'sigma_min' | 318.4111 | 0.4146
            unipc    | 8 | final_sigmas_type: 'sigma_min'                           | 315.5757 | 0.4109
            deis     | 8 |                                                          | 315.3016 | 0.41054
            """)
    void fromTheMiddle(String sampler, int from, @Nullable String settings, double sum, double mean) {
        try (TensorScope scope = TensorScope.open()) {
            SchedulerConfig config = config(1000, settings);
            SamplingPlan plan = SamplingPlan.of(sampler, null, config, 10);
            List<Step> rest = plan.plan().subList(from, 10);
            Latent start = rest.get(0).from().point(sample(), shaped(numbers().flip(0)));
            Latent end = plan.sampler().sample(network(config), start, rest, NoiseSource.none(), StepListener.NONE);
            assertSums(end, sum, mean, 1e-2);
        }
    }

    /** Not in diffusers' tests; computed with its FlowMatchEulerDiscreteScheduler, shift 3. */
    @Test
    void flowEuler() {
        try (TensorScope scope = TensorScope.open()) {
            SchedulerConfig config = config(1000, "_class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3.0");
            SamplingPlan plan = SamplingPlan.of("flow-euler", null, config, 10);
            assertThat(plan.timesteps())
                    .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-3 ? 0 : 1)
                    .containsExactly(
                            1000.0, 960.1293, 913.349, 857.6923, 790.3683, 707.2785, 602.1506, 464.876, 278.0488,
                            8.9286);
            Latent end = plan.sampler()
                    .sample(network(config), sample(), plan.plan(), NoiseSource.none(), StepListener.NONE);
            assertSums(end, 129.34946, 0.1684238, 1e-3);
        }
    }

    /**
     * Not in diffusers' tests either; computed with its FlowMatchHeunDiscrete, DPMSolverMultistep and UniPCMultistep schedulers,
     * shift 3, the latter two with use_flow_sigmas. They tell the network the whole timestep below, hence the tolerance.
     */
    @ParameterizedTest
    @CsvSource({"heun, 144.159393, 0.1877075", "dpmpp-2m, 137.282135, 0.1787528", "unipc, 137.388977, 0.1788919"})
    void otherSamplersOfFlows(String sampler, double sum, double mean) {
        try (TensorScope scope = TensorScope.open()) {
            SchedulerConfig config = config(1000, "_class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3.0");
            SamplingPlan plan = SamplingPlan.of(sampler, null, config, 10);
            Latent end = plan.sampler()
                    .sample(network(config), sample(), plan.plan(), NoiseSource.none(), StepListener.NONE);
            assertSums(end, sum, mean, 1e-2);
        }
    }

    /** As diffusers' {@code FlowMatchEulerDiscreteScheduler(...).set_timesteps(6, mu=...)} for 1024 patches. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            use_dynamic_shifting: true | 1.0000000 0.8826269 0.7382963 0.5565160 0.3205377 0.0018760
            use_dynamic_shifting: true, time_shift_type: 'linear' | 1.0000000 0.7161633 0.4862776 0.2962955 0.1366571 0.0006302
            use_dynamic_shifting: true, base_shift: 0.3, max_shift: 2.0, max_image_seq_len: 2048 | 1.0000000 0.9180480 0.8077884 0.6514924 0.4127205 0.0027920
            shift: 3.0, use_karras_sigmas: true | 1.0000000 0.4855076 0.2168862 0.0872319 0.0306085 0.0089286
            shift: 1.0 | 1.0000000 0.8002000 0.6004000 0.4006000 0.2008000 0.0010000
            """)
    void flowShifts(String settings, String sigmas) {
        SchedulerConfig config = config(1000, "_class_name: 'FlowMatchEulerDiscreteScheduler', " + settings)
                .at(1024);
        List<Double> levels = SamplingPlan.of("euler", null, config, 6).plan().stream()
                .map(step -> step.from().sigma())
                .toList();
        assertThat(levels)
                .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-6 ? 0 : 1)
                .containsExactly(
                        Stream.of(sigmas.split(" ", -1)).map(Double::valueOf).toArray(Double[]::new));
    }

    private static Denoiser network(SchedulerConfig config) {
        return (x, n) -> config.parameterization().denoised(x, x.times(n.timestep() / (n.timestep() + 1)), n);
    }

    /**
     * The loops of those tests overwrite the sample with the network's input, {@code x / sqrt(kappa^2 + 1)}, before each
     * evaluation. That is the plan below: each step starts in coordinates so much larger.
     */
    private static List<Step> shrinking(List<Step> plan) {
        return plan.stream()
                .map(step -> new Step(grown(step.from()), exploding(step.to(), 1)))
                .toList();
    }

    private static NoiseLevel grown(NoiseLevel n) {
        return exploding(n, Math.hypot(1, n.kappa()));
    }

    private static NoiseLevel exploding(NoiseLevel n, double alpha) {
        return new NoiseLevel(n.timestep(), n.kappa() * alpha, alpha);
    }

    /** What those tests take for the clean sample: the network sees the shrunken sample as it is. */
    private static Denoiser shrunken(SchedulerConfig config) {
        return (x, n) -> {
            NoiseLevel own = grown(n);
            Latent seen = x.times(1 / own.alpha()); // variance-exploding; shrunken here if not by the plan
            Latent out = seen.times(n.timestep() / (n.timestep() + 1));
            double kappa = n.kappa();
            Latent clean = config.parameterization() == Parameterization.EPSILON
                    ? seen.plus(-kappa, out)
                    : Latent.combine(1 / (1 + kappa * kappa), seen, -kappa / Math.hypot(1, kappa), out);
            // Heun's second look comes with the sample at the old size: keep its noise
            return n.alpha() == 1 ? x.plus(-1, seen).plus(clean) : clean;
        };
    }

    private static void assertSums(Latent end, @Nullable Double sum, double mean, double within) {
        Tensor all = end.tensor().abs();
        if (sum != null) {
            assertThat(all.sum().item_double()).isCloseTo(sum, within(within));
        }
        assertThat(all.mean().item_double()).isCloseTo(mean, within(1e-3));
    }

    private static SchedulerConfig config(int steps, @Nullable String settings) {
        String all = "{num_train_timesteps: %d, beta_start: 0.0001, beta_end: 0.02, steps_offset: 0".formatted(steps)
                + (settings == null ? "" : ", " + settings) + "}";
        try {
            return SchedulerFile.read(JSON.readTree(all));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(all, e);
        }
    }

    private static Tensor numbers() {
        return torch.arange(new Scalar(768));
    }

    private static Latent sample() {
        return shaped(numbers());
    }

    /** (3, 8, 8, 4) to (4, 3, 8, 8), from 0 to 1. */
    private static Latent shaped(Tensor numbers) {
        Tensor t = numbers.reshape(3, 8, 8, 4).permute(3, 0, 1, 2).to(torch.ScalarType.Float);
        return new Latent(t.div(new Scalar(768.0)));
    }
}
