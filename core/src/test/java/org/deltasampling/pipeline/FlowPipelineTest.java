package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.model.ModelOverrides;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Preset;
import org.deltasampling.recipe.Recipe.Role;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.recipe.Recipe.TensorFile;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** SD-3 and 3.5 from a prompt to latents through the library, against diffusers. */
@ExtendWith(NoLeaks.class)
class FlowPipelineTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"pipe-sd3", "pipe-sd35m"})
    void latentsAreThoseOfDiffusers(String name) {
        Kit.Case kit = Kit.at(name);
        assertThat(error(kit, latents(kit, kit.folder().resolve("model")))).isLessThanOrEqualTo(Kit.PIPELINE);
    }

    /** Figures of diffusers' pipeline for this model with text_encoder_3=None, tokenizer_3=None. */
    @Test
    void withoutT5ItReadsZerosAsDiffusersDoes() throws IOException {
        Kit.Case kit = Kit.at("pipe-sd3");
        Path model = folder.resolve("model");
        Kit.copy(kit.folder().resolve("model"), model);
        delete(model.resolve("text_encoder_3"));
        ObjectMapper json = new ObjectMapper();
        ObjectNode index =
                (ObjectNode) json.readTree(model.resolve("model_index.json").toFile());
        index.putArray("text_encoder_3").addNull().addNull();
        json.writeValue(model.resolve("model_index.json").toFile(), index);
        float[] latents = latents(kit, model);
        double sum = 0;
        double absolute = 0;
        for (float value : latents) {
            sum += value;
            absolute += Math.abs(value);
        }
        assertThat(absolute).isCloseTo(10573.918615, within(10573.918615 * 1e-4));
        assertThat(sum).isCloseTo(1750.291362, within(10573.918615 * 1e-4));
    }

    @Test
    void aT5WithoutItsTokenizerSaysWhichFileIsWanted() throws IOException {
        Kit.Case kit = Kit.at("pipe-sd3");
        Path model = folder.resolve("model");
        Kit.copy(kit.folder().resolve("model"), model);
        delete(model.resolve("tokenizer_3"));
        assertThatThrownBy(() -> latents(kit, model))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("tokenizer.json or the spiece.model of google/t5-v1_1-xxl")
                .hasMessageContaining("name it by t5-tokenizer");
        ModelOverrides tokenizer = new ModelOverrides(null, kit.folder().resolve("model/tokenizer_3/tokenizer.json"));
        assertThat(error(kit, latents(kit, Role.of(model).with(tokenizer)))).isLessThanOrEqualTo(Kit.PIPELINE);
    }

    @Test
    void aSizeThatPatchesDoNotFillIsRefused() {
        Kit.Case kit = Kit.at("pipe-sd3");
        Recipe recipe = Recipe.of(kit.folder().resolve("model"), "a cat").with(Sampling.DEFAULT.size(60, 64));
        try (Pipeline pipeline = new Pipeline()) {
            assertThatThrownBy(() -> pipeline.generate(recipe))
                    .isInstanceOf(BadRecipeException.class)
                    .hasMessageContaining("cannot be divided by 8");
        }
    }

    private static float[] latents(Kit.Case kit, Path model) {
        return latents(kit, Role.of(model));
    }

    private static float[] latents(Kit.Case kit, Role model) {
        Sampling sampling = Sampling.DEFAULT
                .sampler("flow-euler")
                .steps(kit.json().get("steps").intValue())
                .cfg(kit.json().get("cfg").doubleValue())
                .noise(new TensorFile(kit.folder().resolve("io.safetensors"), "in.latents"));
        Role role = model.with(kit.json().get("prompt").textValue())
                .without(kit.json().get("negative_prompt").textValue());
        try (Pipeline pipeline = new Pipeline()) {
            return pipeline.generate(new Recipe(role, List.of(), sampling, Preset.DEFAULT))
                    .latents();
        }
    }

    private static double error(Kit.Case kit, float[] latents) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor expected = kit.tensor("out.latents.flow-euler");
            return TensorAssert.error(Tensor.create(latents, 1, 16, 16, 16), expected);
        }
    }

    private static void delete(Path whole) throws IOException {
        try (Stream<Path> all = Files.walk(whole)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
