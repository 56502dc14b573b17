package org.deltasampling.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.deltasampling.diffusion.FlowSchedule;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.SigmaSpacing;
import org.deltasampling.diffusion.Spacing;
import org.deltasampling.diffusion.TrainedSchedule;
import org.deltasampling.sampling.SamplingPlan;
import org.deltasampling.weights.BadWeightsException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SchedulerFileTest {

    @TempDir
    Path folder;

    private SchedulerConfig read(Architecture family, ModelOverrides said, String json) throws IOException {
        Path file = Files.writeString(folder.resolve("scheduler_config.json"), json);
        return SchedulerFile.read(file, family, said);
    }

    private static ModelOverrides said(
            @Nullable Parameterization prediction, @Nullable Boolean zeroSnr, @Nullable String scheduler) {
        return new ModelOverrides(null, null, prediction, zeroSnr, scheduler);
    }

    /** Each in one sentence that names the file and the key. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            num_train_timesteps | 0
            num_train_timesteps | -5
            num_train_timesteps | 2147483648
            num_train_timesteps | 36893488147419103232
            num_train_timesteps | "1000"
            num_train_timesteps | 999.5
            beta_start          | 0
            beta_start          | 1
            beta_start          | -0.5
            beta_start          | NaN
            beta_start          | 1e300
            beta_start          | 1e-30
            beta_end            | "much"
            beta_end            | Infinity
            beta_end            | 0.99
            beta_schedule       | "squaredcos_cap_v2"
            beta_schedule       | 3
            trained_betas       | []
            trained_betas       | [0.1]
            trained_betas       | [0.1, 2]
            trained_betas       | [0.1, "a"]
            trained_betas       | [0.1, NaN]
            trained_betas       | "all"
            prediction_type     | "score"
            prediction_type     | 1
            timestep_spacing    | "random"
            steps_offset        | -1
            steps_offset        | 5000
            use_karras_sigmas   | "yes"
            sigma_min           | 0
            sigma_max           | 1e300
            clip_sample_range   | -1
            clip_sample_range   | 1e300
            final_sigmas_type   | "one"
            solver_order        | 0
            solver_order        | 4
            solver_order        | 2147483650
            solver_type         | "rk4"
            lower_order_final   | 1
            disable_corrector   | ["a"]
            set_alpha_to_one    | "no"
            rescale_betas_zero_snr | 2
            """)
    void numbersOutOfRangeAreRefusedByTheirKey(String key, String value) {
        assertThatThrownBy(() -> read(Architecture.SD1, ModelOverrides.NONE, "{\"%s\": %s}".formatted(key, value)))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("scheduler_config.json")
                .hasMessageContaining(key);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            shift               | 0
            shift               | NaN
            shift               | "three"
            num_train_timesteps | 1
            invert_sigmas       | true
            shift_terminal      | 0.02
            sigma_min           | 0.1
            prediction_type     | "epsilon"
            """)
    void thoseOfFlowsToo(String key, String value) {
        assertThatThrownBy(() -> read(
                        Architecture.SD3,
                        ModelOverrides.NONE,
                        "{\"_class_name\": \"FlowMatchEulerDiscreteScheduler\", \"%s\": %s}".formatted(key, value)))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining(key);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            "base_image_seq_len": 4096                                    | max_image_seq_len
            "max_shift": 1e300                                            | max_shift
            "time_shift_type": "linear", "base_shift": 0                  | base_shift
            "time_shift_type": "cubic"                                    | time_shift_type
            """)
    void thoseOfShiftsBySizeToo(String settings, String key) {
        assertThatThrownBy(() -> read(
                        Architecture.SD3,
                        ModelOverrides.NONE,
                        "{\"_class_name\": \"FlowMatchEulerDiscreteScheduler\", \"use_dynamic_shifting\": true, %s}"
                                .formatted(settings)))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining(key);
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "3", "null", "", "{", "{\"use_karras_sigmas\": true, \"use_beta_sigmas\": true}"})
    void whatIsNoConfigIsRefused(String json) {
        assertThatThrownBy(() -> read(Architecture.SD1, ModelOverrides.NONE, json))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("scheduler_config.json");
    }

    /** As Python writes it. */
    @Test
    void anInfiniteDefaultIsRead() throws IOException {
        SchedulerConfig config = read(
                Architecture.SD1,
                ModelOverrides.NONE,
                "{\"_class_name\": \"DPMSolverMultistepScheduler\", \"lambda_min_clipped\": -Infinity, \"disable_corrector\": [], \"solver_p\": null}");
        assertThat(config.remarks().unsupported()).isEmpty();
        assertThat(SamplingPlan.of("dpmpp-2m", null, config, 5).plan()).hasSize(5);
    }

    @Test
    void settingsAreReadUnderDiffusersNames() throws IOException {
        SchedulerConfig config = read(Architecture.SDXL, ModelOverrides.NONE, """
                {"_class_name": "EulerDiscreteScheduler", "beta_start": 0.001, "beta_end": 0.01, "num_train_timesteps": 500,
                 "beta_schedule": "scaled_linear", "timestep_spacing": "trailing", "steps_offset": 2, "use_beta_sigmas": true,
                 "sigma_min": 0.03, "sigma_max": 12, "set_alpha_to_one": false, "final_sigmas_type": "sigma_min",
                 "clip_sample": true, "clip_sample_range": 3, "solver_order": 3, "solver_type": "bh1",
                 "lower_order_final": false, "euler_at_final": true, "skip_prk_steps": false, "disable_corrector": [1]}
                """);
        TrainedSchedule trained = TrainedSchedule.scaledLinear(500, 0.001, 0.01);
        assertThat(config.trained().highest()).isEqualTo(trained.highest());
        assertThat(config.placement())
                .isEqualTo(new SchedulerConfig.Placement(Spacing.TRAILING, 2, SigmaSpacing.BETA, 0.03, 12.0));
        assertThat(config.end()).isEqualTo(new SchedulerConfig.End(false, true));
        assertThat(config.clipping()).isEqualTo(new SchedulerConfig.Clipping(true, 3));
        assertThat(config.solver()).isEqualTo(new SchedulerConfig.Solver(3, "bh1", false, true, false, Set.of(1)));
        // the pipelines of SD-1 and SD-2 never clip
        assertThat(read(Architecture.SD1, ModelOverrides.NONE, "{}").clipping().clipSample())
                .isNull();
        assertThat(Architecture.SD1.scheduler(config).clipping()).isEqualTo(SchedulerConfig.Clipping.NONE);
        assertThat(Architecture.SDXL.scheduler(config)).isEqualTo(config);
    }

    @Test
    void betasMayBeListed() throws IOException {
        String betas = "\"trained_betas\": [0.01, 0.02, 0.03]";
        SchedulerConfig config = read(Architecture.SD1, ModelOverrides.NONE, "{%s}".formatted(betas));
        assertThat(config.diffusion().steps()).isEqualTo(3);
        assertThatThrownBy(() -> read(
                        Architecture.SD1, ModelOverrides.NONE, "{%s, \"num_train_timesteps\": 4}".formatted(betas)))
                .hasMessageContaining("trained_betas has 3 values where num_train_timesteps is 4");
    }

    /** As for any class of that family; the sampler is chosen elsewhere. */
    @Test
    void anUnknownClassIsReadWithANote() throws IOException {
        String settings = "\"beta_start\": 0.00085, \"beta_end\": 0.012, \"beta_schedule\": \"scaled_linear\","
                + " \"prediction_type\": \"v_prediction\", \"timestep_spacing\": \"leading\", \"set_alpha_to_one\": false";
        SchedulerConfig unknown = read(
                Architecture.SD1,
                ModelOverrides.NONE,
                "{\"_class_name\": \"DPMSolverSDEScheduler\", %s}".formatted(settings));
        SchedulerConfig known = read(
                Architecture.SD1,
                ModelOverrides.NONE,
                "{\"_class_name\": \"EulerDiscreteScheduler\", %s}".formatted(settings));
        assertThat(unknown.note())
                .hasValue(
                        "the scheduler class DPMSolverSDEScheduler is not known here: its betas and its prediction are"
                                + " read as those of DDPMScheduler");
        assertThat(known.note()).isEmpty();
        assertThat(unknown.parameterization()).isEqualTo(Parameterization.V_PREDICTION);
        assertThat(SamplingPlan.of("euler", null, unknown, 7)).isEqualTo(SamplingPlan.of("euler", null, known, 7));
        String absurd = "{\"_class_name\": \"%s\"}".formatted("X".repeat(20_000));
        assertThat(read(Architecture.SD1, ModelOverrides.NONE, absurd).note())
                .hasValueSatisfying(note -> assertThat(note).hasSizeLessThan(300));
    }

    @Test
    void anUnknownClassOfAFlowIsAFlow() throws IOException {
        SchedulerConfig config =
                read(Architecture.SD3, ModelOverrides.NONE, "{\"_class_name\": \"SomeFlowScheduler\", \"shift\": 3.0}");
        assertThat(config.trained()).isEqualTo(FlowSchedule.shifted(1000, 3));
        assertThat(read(
                                Architecture.SD3,
                                ModelOverrides.NONE,
                                "{\"_class_name\": \"FlowMatchHeunDiscreteScheduler\", \"shift\": 3.0}")
                        .trained())
                .isEqualTo(FlowSchedule.shifted(1000, 3));
        assertThatThrownBy(() -> read(
                        Architecture.SD3, ModelOverrides.NONE, "{\"_class_name\": \"DPMSolverMultistepScheduler\"}"))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("use_flow_sigmas");
    }

    @Test
    void whatIsSaidBesideComesFirst() throws IOException {
        String json = "{\"_class_name\": \"Nobody'sScheduler\", \"timestep_spacing\": \"linspace\","
                + " \"prediction_type\": \"epsilon\", \"rescale_betas_zero_snr\": false}";
        SchedulerConfig config =
                read(Architecture.SD2, said(Parameterization.V_PREDICTION, true, "EulerDiscreteScheduler"), json);
        assertThat(config.parameterization()).isEqualTo(Parameterization.V_PREDICTION);
        assertThat(config.trained().highest()).isGreaterThan(4000);
        assertThat(config.note()).isEmpty();
        assertThat(config.placement().timestepSpacing()).isNull(); // that class's default
        SchedulerConfig own = read(Architecture.SD2, ModelOverrides.NONE, json);
        assertThat(own.parameterization()).isEqualTo(Parameterization.EPSILON);
        assertThat(own.trained().highest()).isLessThan(200);
        assertThat(own.placement().timestepSpacing()).isEqualTo(Spacing.LINSPACE);
        assertThat(read(Architecture.SD2, said(null, false, null), json.replace("snr\": false", "snr\": true"))
                        .trained()
                        .highest())
                .isEqualTo(own.trained().highest());
    }

    @Test
    void aConfigWithoutAFamilyIsReadToo() throws IOException {
        assertThat(SchedulerFile.read(new ObjectMapper().readTree("{\"prediction_type\": \"sample\"}"))
                        .parameterization())
                .isEqualTo(Parameterization.SAMPLE);
    }
}
