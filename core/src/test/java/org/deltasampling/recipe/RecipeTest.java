package org.deltasampling.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.deltasampling.delta.LambdaSchedule;
import org.deltasampling.image.Provenance;
import org.deltasampling.recipe.Recipe.Bridge;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Levels;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Output;
import org.deltasampling.recipe.Recipe.Preset;
import org.deltasampling.recipe.Recipe.Role;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.recipe.Recipe.TensorFile;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Precision;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class RecipeTest {

    private static final Path FOLDER = Path.of("recipes").toAbsolutePath();

    private static final String FULL = """
            target: {model: sd21, prompt: "a cat: asleep", negative: blurry, adapters: []}
            deltas:
              - source: {model: ../sd15}
                adapted: {model: ink, prompt: inked, adapters: [{lora: ink.safetensors, weight: 0.8}]}
                lambda: {value: 2.5, schedule: cosine, start: 1, end: 0.5}
              - source: {model: ../sd15}
                adapted: {adapters: [{lora: other.safetensors}]}
                lambda: 1.0
                bridge: sd15-sd21.safetensors
                levels: hold
                source-size: 512x512
            sampling: {sampler: heun, schedule: normal, steps: 10, cfg: 3.0, seed: 42, size: 512x768, batch: 1, \
            precision: bfloat16, noise: noise.safetensors#in.latents}
            output: {image: out.png, latents: out.safetensors}
            preset: reference
            """;

    private static Recipe full() {
        return new Recipe(
                new Role(FOLDER.resolve("sd21"), "a cat: asleep", "blurry", List.of()),
                List.of(
                        new Delta(
                                Role.of(FOLDER.resolveSibling("sd15")),
                                new Role(
                                        FOLDER.resolve("ink"),
                                        "inked",
                                        null,
                                        List.of(new Lora(FOLDER.resolve("ink.safetensors"), 0.8))),
                                LambdaSchedule.of(2.5, "cosine", 1, 0.5)),
                        Delta.of(FOLDER.resolveSibling("sd15"), new Lora(FOLDER.resolve("other.safetensors"), 1))
                                .by(Bridge.of(FOLDER.resolve("sd15-sd21.safetensors")))
                                .with(Levels.HOLD)
                                .at(new PixelSize(512, 512))),
                new Sampling(
                        "heun",
                        "normal",
                        10,
                        3,
                        42,
                        new PixelSize(512, 768),
                        1,
                        Precision.BFLOAT16,
                        new TensorFile(FOLDER.resolve("noise.safetensors"), "in.latents")),
                new Output(FOLDER.resolve("out.png"), FOLDER.resolve("out.safetensors")),
                Preset.REFERENCE);
    }

    @Test
    void readsTheFormThatTheReadmeShows() {
        assertThat(RecipeFile.parse(FULL, FOLDER)).isEqualTo(full());
    }

    @Test
    void whatIsWrittenReadsBackTheSame() {
        Recipe plain = Recipe.of(FOLDER.resolve("m"), "no");
        assertThat(RecipeFile.parse(RecipeFile.yaml(full()), Path.of("elsewhere")))
                .isEqualTo(full());
        assertThat(RecipeFile.parse(RecipeFile.yaml(plain), FOLDER)).isEqualTo(plain);
        assertThat(RecipeFile.parse("{\"target\": {\"model\": \"m\", \"prompt\": \"no\"}}", FOLDER))
                .isEqualTo(plain);
    }

    @Test
    void relativePathsAreRelativeToTheRecipe(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("r.yaml"), "target: {model: sub/model}");
        assertThat(Provenance.read(file).recipe().target().model()).isEqualTo(folder.resolve("sub/model"));
    }

    /** A '#' or ':' of the name of a file that is there is no sign. */
    @Test
    void aFileAndWhatIsMeantOfIt(@TempDir Path folder) throws Exception {
        Path numbered = Files.createFile(folder.resolve("a#1.safetensors"));
        assertThat(TensorFile.parse("a#1.safetensors", folder)).isEqualTo(new TensorFile(numbered, null));
        assertThat(TensorFile.parse("b.safetensors#key", folder))
                .isEqualTo(new TensorFile(folder.resolve("b.safetensors"), "key"));
        Path timed = Files.createFile(folder.resolve("12:30"));
        assertThat(Lora.parse("12:30", folder)).isEqualTo(new Lora(timed, 1));
        assertThat(Lora.parse("12:30:-0.5", folder)).isEqualTo(new Lora(timed, -0.5));
        Path ink = folder.resolve("ink.safetensors");
        assertThat(Lora.parse("ink.safetensors", folder)).isEqualTo(new Lora(ink, 1));
        assertThat(Lora.parse("ink.safetensors:0.8", folder)).isEqualTo(new Lora(ink, 0.8));
        assertThat(Lora.parse("C:\\ink.safetensors", folder).weight()).isEqualTo(1);
        assertThatThrownBy(() -> Lora.parse("ink.safetensors:heavy", folder))
                .isInstanceOf(BadRecipeException.class)
                .hasMessage("--lora ink.safetensors:heavy: the weight 'heavy' is no number");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "target: {modle: x}|target.modle is no key of a recipe (the nearest is model)",
                "targt: {model: x}|targt is no key of a recipe (the nearest is target)",
                "deltas: []|the recipe names no target model",
                "target: x|target must be a map",
                "target: {model: m, prompt: [a]}|target.prompt must be a text",
                "{target: {model: m}, sampling: {steps: many}}|sampling.steps must be a whole number from 1 to 1000",
                "{target: {model: m}, sampling: {steps: 2.5}}|sampling.steps must be a whole number",
                "{target: {model: m}, sampling: {steps: 0}}|sampling.steps must be a whole number",
                "{target: {model: m}, sampling: {cfg: high}}|sampling.cfg must be a number",
                "{target: {model: m}, sampling: {size: 512}}|the size '512' is not of the form WIDTHxHEIGHT",
                "{target: {model: m}, sampling: {precision: bfloat}}|precision 'bfloat' is not known (the nearest is bfloat16)",
                "{target: {model: m}, preset: referense}|preset 'referense' is not known (the nearest is reference)",
                "{target: {model: m, adapters: [{weight: 1}]}}|target.adapters[0].lora is missing",
                "{target: {model: m}, deltas: [{source: {model: s}}]}|the source has no adapted model to differ from",
                "{target: {model: m}, deltas: [{adapted: {model: s}}]}|a delta names no source model",
                "{target: {model: m}, target: {model: n}}|the recipe is no valid YAML in line 1",
                "target: {model: m|the recipe is no valid YAML",
                "``|the recipe must be a map",
                "{target: {model: m}, sampling: {batch: 2, noise: n}}|start noise from a file is for one image",
            })
    void mistakesAreNamedInOneSentence(String yaml, String says) {
        assertThatThrownBy(() -> RecipeFile.parse(yaml, FOLDER))
                .isInstanceOf(BadRecipeException.class)
                .hasMessageContaining(says)
                .hasMessageNotContaining("\n");
    }
}
