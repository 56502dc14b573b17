package org.deltasampling.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.Spacing;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.SafetensorsWriter;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is said of a checkpoint that does not say it itself: by a YAML file beside it, or by whoever opens it. */
@ExtendWith(NoLeaks.class)
class OriginalConfigTest {

    @TempDir
    static Path models;

    @TempDir
    Path folder;

    private static Path model;
    private static Path written;
    private Path single;

    @BeforeAll
    static void makeModels() {
        model = TinyModels.sd1(models.resolve("model"), 1);
        written = models.resolve("written.safetensors");
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            SafetensorsWriter.write(written, checkpoint.inOriginalLayout(), Map.of());
        }
    }

    @BeforeEach
    void copy() throws IOException {
        single = Files.copy(written, folder.resolve("easy.v2.safetensors"));
    }

    private static SchedulerConfig scheduler(Path path, ModelOverrides said) {
        try (Checkpoint checkpoint = Checkpoint.open(path, said)) {
            return checkpoint.scheduler();
        }
    }

    private Path beside(String ending, String yaml) throws IOException {
        return Files.writeString(folder.resolve("easy.v2" + ending), yaml);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            .yaml | model: {params: {parameterization: "v"}}                                 | V_PREDICTION
            .yml  | model: {params: {parameterization: v, linear_start: 0.00085}}            | V_PREDICTION
            .yaml | model: {params: {linear_end: 0.0120, timesteps: 1000}}                   | EPSILON
            .yaml | model: {params: {parameterization: eps}}                                 | EPSILON
            .yaml | model: {params: {parameterization: x0}}                                  | SAMPLE
            .yaml | model: {params: {denoiser_config: {params: {scaling_config: {target: sgm.modules.VScaling}}}}} | V_PREDICTION
            .yaml | target: {model: easy.v2.safetensors}                                     | EPSILON
            .yaml | model: easy.v2.safetensors                                               | EPSILON
            """)
    void aYamlOfTheSameNameSaysWhatItPredicts(String ending, String yaml, Parameterization expected)
            throws IOException {
        Path file = beside(ending, yaml);
        try (Checkpoint checkpoint = Checkpoint.open(single)) {
            assertThat(checkpoint.scheduler().parameterization()).isEqualTo(expected);
            assertThat(checkpoint.files().contains(file)).isEqualTo(yaml.contains("params"));
        }
        // what is said at the time comes before it
        ModelOverrides said = new ModelOverrides(null, null, Parameterization.EPSILON, null, null);
        assertThat(scheduler(single, said).parameterization()).isEqualTo(Parameterization.EPSILON);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            model: {params: {parameterization: w}}     | parameterization
            model: {params: {linear_start: 0.0015}}    | linear_start
            model: {params: {timesteps: many}}         | timesteps
            model: {params: [                          | cannot be read as YAML
            "\\u0001                                   | cannot be read as YAML
            """)
    void whatItSaysAndIsNotKnownIsRefused(String yaml, String said) throws IOException {
        Path file = beside(".yaml", yaml);
        assertThatThrownBy(() -> scheduler(single, ModelOverrides.NONE))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(said);
    }

    @Test
    void predictionAndZeroTerminalSnrMayBeSaid() {
        ModelOverrides said = new ModelOverrides(null, null, Parameterization.V_PREDICTION, true, null);
        for (Path path : new Path[] {single, model}) {
            SchedulerConfig own = scheduler(path, ModelOverrides.NONE);
            assertThat(own.parameterization()).isEqualTo(Parameterization.EPSILON);
            assertThat(own.trained().highest()).isLessThan(20);
            SchedulerConfig other = scheduler(path, said);
            assertThat(other.parameterization()).isEqualTo(Parameterization.V_PREDICTION);
            assertThat(other.trained().highest()).isGreaterThan(4000);
        }
        assertThat(scheduler(single, said).placement().timestepSpacing()).isEqualTo(Spacing.TRAILING);
    }

    @Test
    void whatCannotBeIsRefused() {
        assertThatThrownBy(() -> scheduler(single, new ModelOverrides(null, null, null, null, "DDIMScheduler")))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("single file");
        ModelOverrides flow = new ModelOverrides(null, null, Parameterization.FLOW, null, null);
        assertThatThrownBy(() -> scheduler(single, flow))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("not a flow");
        assertThatThrownBy(() -> scheduler(model, flow))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("prediction_type");
        Path sd3 = TinyModels.of(Architecture.SD3, folder.resolve("sd3"), 1);
        Path file = folder.resolve("sd3.safetensors");
        try (Checkpoint checkpoint = Checkpoint.open(sd3)) {
            SafetensorsWriter.write(file, checkpoint.inOriginalLayout(), Map.of());
        }
        ModelOverrides epsilon = new ModelOverrides(null, null, Parameterization.EPSILON, null, null);
        assertThat(scheduler(file, flow).parameterization()).isEqualTo(Parameterization.FLOW);
        assertThat(scheduler(sd3, flow).parameterization()).isEqualTo(Parameterization.FLOW);
        assertThatThrownBy(() -> scheduler(file, epsilon))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("flow model");
        assertThatThrownBy(() -> scheduler(sd3, epsilon))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("prediction_type");
    }
}
