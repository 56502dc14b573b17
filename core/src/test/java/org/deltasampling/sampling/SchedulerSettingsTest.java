package org.deltasampling.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.diffusion.BadSamplingException;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.FlowSchedule;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.model.SchedulerFile;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;
import org.junit.jupiter.params.provider.CsvSource;

/** Each setting of diffusers' scheduler configs that changes where a sampler ends is honoured, or refused by its name. */
@ExtendWith(NoLeaks.class)
class SchedulerSettingsTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    @ParameterizedTest(name = "{0} {1} {2}")
    @CsvFileSource(resources = "settings.csv", commentCharacter = '#', delimiter = '|', quoteCharacter = '`')
    void endsWhereDiffusersDoes(String sampler, String settings, int steps, double absolutes, double weighted) {
        SchedulerConfig config = config(settings);
        try (TensorScope scope = TensorScope.open()) {
            SamplingPlan plan = SamplingPlan.of(sampler, null, config, steps);
            Latent start = plan.start(new SeededNoise(0).draw(1, 4, 8, 8));
            Tensor end = plan.sampler()
                    .sample(network(config), start, plan.plan(), NoiseSource.none(), StepListener.NONE)
                    .tensor();
            Tensor weights = torch.arange(new Scalar(256)).view(1, 4, 8, 8).div(new Scalar(256.0));
            assertThat(end.abs().sum().item_double()).isCloseTo(absolutes, within(1e-3 * absolutes));
            assertThat(end.mul(weights).sum().item_double()).isCloseTo(weighted, within(1e-3 * absolutes));
        }
    }

    private static Denoiser network(SchedulerConfig config) {
        return (x, n) -> config.parameterization()
                .denoised(
                        x,
                        new Latent(x.times(2).plus(n.timestep() / 300).tensor().sin()),
                        n);
    }

    /** By the samplers whose schedulers in diffusers heed them; others go on. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            interpolation_type | "log_linear"      | euler    | heun
            timestep_type      | "continuous"      | euler    | dpmpp-2m
            thresholding       | true              | dpmpp-2m | euler
            thresholding       | true              | unipc    | lms
            thresholding       | true              | deis     | pndm
            thresholding       | true              | ddim     | euler-ancestral
            algorithm_type     | "sde-dpmsolver++" | dpmpp-2m | unipc
            lambda_min_clipped | -5.1              | dpmpp-2m | euler
            variance_type      | "learned_range"   | dpmpp-2m | ddim
            predict_x0         | false             | unipc    | euler
            solver_p           | ["a", "b"]        | unipc    | deis
            """)
    void whatIsNotImplementedIsRefusedByName(String key, String value, String heeds, String doesNot) {
        SchedulerConfig config = config("{\"%s\": %s}".formatted(key, value));
        assertThatThrownBy(() -> SamplingPlan.of(heeds, null, config, 5))
                .isInstanceOf(BadSamplingException.class)
                .hasMessageContaining(key)
                .hasMessageContaining(value.replace("\"", "").replace(" ", "").replace("[a,b]", "a"))
                .hasMessageContaining(heeds);
        assertThat(SamplingPlan.of(doesNot, null, config, 5).plan()).hasSize(5);
    }

    /** A flow under the scheduler of another kind of model: diffusers' use_flow_sigmas. */
    @ParameterizedTest
    @CsvSource({"UniPCMultistepScheduler, unipc", "DPMSolverMultistepScheduler, dpmpp-2m"})
    void flowSigmasMakeAFlow(String type, String sampler) {
        SchedulerConfig config = config(
                "{\"_class_name\": \"%s\", \"use_flow_sigmas\": true, \"prediction_type\": \"flow_prediction\", \"flow_shift\": 3.0}"
                        .formatted(type));
        assertThat(config.trained()).isEqualTo(FlowSchedule.shifted(1000, 3));
        SchedulerConfig usual = SchedulerConfig.flow(FlowSchedule.shifted(1000, 3), null);
        assertThat(SamplingPlan.of(sampler, null, config, 6)).isEqualTo(SamplingPlan.of(sampler, null, usual, 6));
    }

    private static SchedulerConfig config(String settings) {
        try {
            ObjectNode all = (ObjectNode) JSON.readTree(settings);
            if (!all.path("_class_name").asText().startsWith("Flow")) {
                all.put("beta_start", 0.00085).put("beta_end", 0.012).put("beta_schedule", "scaled_linear");
                all.put("steps_offset", 1);
            }
            return SchedulerFile.read(all);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(settings, e);
        }
    }
}
