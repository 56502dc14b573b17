package org.deltasampling.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.deltasampling.delta.LambdaSchedule;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.model.ModelOverrides;
import org.deltasampling.recipe.Recipe.Bridge;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Levels;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Preset;
import org.deltasampling.recipe.Recipe.Role;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.recipe.Recipe.TensorFile;
import org.deltasampling.recipe.RecipeFile.Output;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Precision;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class RecipeTest {

    private static final Path FOLDER = Path.of("recipes").toAbsolutePath();

    private static final String FULL = """
            target: {model: sd21, prompt: "a cat: asleep", negative: blurry, adapters: [], vae: vae.safetensors, \
            t5-tokenizer: t5, prediction: v, zero-snr: true, scheduler: DDIMScheduler, device: "cuda:1"}
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
            sampling: {sampler: heun, schedule: normal, steps: 10, cfg: 3.0, seed: 18446744073709551615, size: 512x768, \
            batch: 1, precision: bfloat16, noise: noise.safetensors#in.latents}
            output: {image: out.png, latents: results/out.safetensors}
            preset: reference
            """;

    private static Recipe full() {
        Role target = new Role(
                FOLDER.resolve("sd21"),
                "a cat: asleep",
                "blurry",
                List.of(),
                new ModelOverrides(
                        FOLDER.resolve("vae.safetensors"),
                        FOLDER.resolve("t5"),
                        Parameterization.V_PREDICTION,
                        true,
                        "DDIMScheduler"),
                new Device(true, 1));
        Delta ink = new Delta(
                Role.of(FOLDER.resolveSibling("sd15")),
                new Role(
                        FOLDER.resolve("ink"),
                        "inked",
                        null,
                        List.of(new Lora(FOLDER.resolve("ink.safetensors"), 0.8))),
                LambdaSchedule.of(2.5, "cosine", 1, 0.5));
        Delta other = Delta.of(FOLDER.resolveSibling("sd15"), new Lora(FOLDER.resolve("other.safetensors"), 1))
                .by(Bridge.of(FOLDER.resolve("sd15-sd21.safetensors")))
                .with(Levels.HOLD)
                .at(new PixelSize(512, 512));
        Sampling sampling = Sampling.DEFAULT
                .sampler("heun")
                .schedule("normal")
                .steps(10)
                .cfg(3)
                .seed(-1)
                .size(512, 768)
                .precision(Precision.BFLOAT16)
                .noise(new TensorFile(FOLDER.resolve("noise.safetensors"), "in.latents"));
        return new Recipe(target, List.of(ink, other), sampling, Preset.REFERENCE);
    }

    private static Recipe parse(String text) {
        return RecipeFile.parse(text, FOLDER).recipe();
    }

    @Test
    void everyKeyIsRead() {
        RecipeFile.Read read = RecipeFile.parse(FULL, FOLDER);
        assertThat(read.recipe()).isEqualTo(full());
        assertThat(read.output())
                .isEqualTo(new Output(FOLDER.resolve("out.png"), FOLDER.resolve("results/out.safetensors")));
    }

    @Test
    void whatIsWrittenReadsBackTheSame() {
        Recipe plain = Recipe.of(FOLDER.resolve("m"), "no");
        assertThat(parse(RecipeFile.yaml(full()))).isEqualTo(full());
        assertThat(parse(RecipeFile.yaml(plain))).isEqualTo(plain);
        assertThat(parse("{\"target\": {\"model\": \"m\", \"prompt\": \"no\"}}"))
                .isEqualTo(plain);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "no",
                "1.50",
                "007",
                "~",
                "null",
                "",
                " a ",
                "a: b",
                "- a",
                "# a",
                "*a",
                "&a",
                "!a",
                "%a",
                "{a}",
                "a #b",
                "a\nb",
                "\ta",
                "a\n\n",
                "\"a\"",
                "'a'",
                "|",
                "\u0000",
                "\u0085",
                "\ud83d\ude00",
                "\u7fbd",
            })
    void aPromptIsTheTextThatItIs(String prompt) {
        Recipe recipe = Recipe.of(FOLDER.resolve("m"), prompt);
        assertThat(parse(RecipeFile.yaml(recipe))).isEqualTo(recipe);
    }

    @Test
    void wordsAndNumbersInYamlStayAsTheyAreWritten() {
        Recipe recipe = parse("target: {model: 2.10, prompt: no, negative: 1_000}");
        assertThat(recipe.target().model()).isEqualTo(FOLDER.resolve("2.10"));
        assertThat(recipe.target().prompt()).isEqualTo("no");
        assertThat(recipe.target().negative()).isEqualTo("1_000");
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0, 0",
        "42, 42, 42",
        "18446744073709551615, -1, 18446744073709551615",
        "-1, -1, 18446744073709551615",
        "9223372036854775808, -9223372036854775808, 9223372036854775808",
    })
    void aSeedIsAny64Bits(String text, long bits, String written) {
        Recipe recipe = parse("{target: {model: m}, sampling: {seed: " + text + "}}");
        assertThat(recipe.sampling().seed()).isEqualTo(bits);
        assertThat(RecipeFile.yaml(recipe)).containsPattern("seed: " + written + "\\b");
    }

    @Test
    void theSeedsOfABatchGoOnFromTheLast() {
        Recipe recipe =
                Recipe.of(Path.of("m"), "").with(Sampling.DEFAULT.seed(-1).batch(2));
        assertThat(recipe.singles())
                .extracting(single -> Long.toUnsignedString(single.sampling().seed()))
                .containsExactly("18446744073709551615", "0");
    }

    @Test
    void earlierNamesOfKeysAreRead() {
        RecipeFile.Read read = RecipeFile.parse("""
                target: {model: m, t5_tokenizer: t, prediction: v_prediction}
                output: {picture: a.png}
                """, FOLDER);
        assertThat(read.recipe().target().overrides().t5Tokenizer()).isEqualTo(FOLDER.resolve("t"));
        assertThat(read.recipe().target().overrides().prediction()).isEqualTo(Parameterization.V_PREDICTION);
        assertThat(read.output().image()).isEqualTo(FOLDER.resolve("a.png"));
    }

    @Test
    void anAdaptedRoleTakesOverFromItsSource() {
        Recipe recipe = parse("""
                target: {model: a}
                deltas:
                  - source: {model: b, device: cuda, prediction: v}
                    adapted: {model: c, zero-snr: no}
                """);
        Role adapted = recipe.deltas().get(0).adaptedRole();
        assertThat(recipe.deltas().get(0).adapted().device()).isNull();
        assertThat(adapted.device()).isEqualTo(new Device(true, 0));
        assertThat(adapted.overrides())
                .isEqualTo(new ModelOverrides(null, null, Parameterization.V_PREDICTION, false, null));
    }

    @Test
    void everyFileCanBeElsewhere() {
        Path other = FOLDER.resolveSibling("other");
        Recipe moved = full().placed(path -> other.resolve(path.getFileName()));
        assertThat(moved.files()).allMatch(path -> path.startsWith(other)).hasSize(9);
        assertThat(moved.placed(path -> FOLDER.resolve(path.getFileName())))
                .isEqualTo(full().placed(path -> FOLDER.resolve(path.getFileName())));
    }

    @Test
    void relativePathsAreRelativeToTheRecipe(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("r.yaml"), "target: {model: sub/model}");
        assertThat(RecipeFile.read(file).recipe().target().model()).isEqualTo(folder.resolve("sub/model"));
    }

    /** A '#' or ':' of the name of a file that is there is no sign. */
    @Test
    void aFileAndWhatIsMeantOfIt(@TempDir Path folder) throws Exception {
        Function<String, Path> path = folder::resolve;
        Path numbered = Files.createFile(folder.resolve("a#1.safetensors"));
        assertThat(RecipeText.tensorFile("a#1.safetensors", path)).isEqualTo(new TensorFile(numbered, null));
        assertThat(RecipeText.tensorFile("b.safetensors#key", path))
                .isEqualTo(new TensorFile(folder.resolve("b.safetensors"), "key"));
        assertThat(RecipeText.tensorFile(RecipeText.of("b#1", null), path))
                .isEqualTo(new TensorFile(folder.resolve("b#1"), null));
        Path timed = Files.createFile(folder.resolve("12:30"));
        assertThat(RecipeText.lora("12:30", path)).isEqualTo(new Lora(timed, 1));
        assertThat(RecipeText.lora("12:30:-0.5", path)).isEqualTo(new Lora(timed, -0.5));
        Path ink = folder.resolve("ink.safetensors");
        assertThat(RecipeText.lora("ink.safetensors", path)).isEqualTo(new Lora(ink, 1));
        assertThat(RecipeText.lora("ink.safetensors:0.8", path)).isEqualTo(new Lora(ink, 0.8));
        assertThat(RecipeText.lora("C:\\ink.safetensors", path).weight()).isEqualTo(1);
        assertThatThrownBy(() -> RecipeText.lora("ink.safetensors:heavy", path))
                .isInstanceOf(BadRecipeException.class)
                .hasMessage("the weight 'heavy' of the LoRA ink.safetensors must be a number");
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
                "{target: {model: m}, sampling: {steps: 99999999999999999999}}|sampling.steps must be a whole number",
                "{target: {model: m}, sampling: {cfg: high}}|sampling.cfg must be a number",
                "{target: {model: m}, sampling: {cfg: .nan}}|sampling.cfg must be a number",
                "{target: {model: m}, sampling: {cfg: -.inf}}|sampling.cfg must be a number",
                "{target: {model: m}, sampling: {cfg: 1e300}}|sampling.cfg must be a finite number that float32 can hold",
                "{target: {model: m}, sampling: {seed: 18446744073709551616}}|sampling.seed: the seed '18446744073709551616' is not",
                "{target: {model: m}, sampling: {seed: 1.5}}|sampling.seed: the seed '1.5' is not a whole number from 0",
                "{target: {model: m}, sampling: {size: 512}}|sampling.size: the size '512' is not of the form WIDTHxHEIGHT",
                "{target: {model: m}, sampling: {size: 99999x99999}}|sampling.size 99999x99999 is too large",
                "{target: {model: m}, sampling: {precision: bfloat}}|precision 'bfloat' is not known (the nearest is bfloat16)",
                "{target: {model: m}, preset: referense}|preset 'referense' is not known (the nearest is reference)",
                "{target: {model: m, prediction: noise}}|target.prediction: prediction 'noise' is not known; there are: epsilon v",
                "{target: {model: m, zero-snr: 1}}|target.zero-snr must be true or false, not 1",
                "{target: {model: m, t5-tokenizer: a, t5_tokenizer: b}}|mean the same: leave out t5_tokenizer",
                "{target: {model: m, adapters: [{weight: 1}]}}|target.adapters[0].lora is missing",
                "{target: {model: m, adapters: [{lora: l, weight: 1e39}]}}|the weight of the LoRA",
                "{target: {model: m}, deltas: [{source: {model: s}}]}|the source has no adapted model to differ from",
                "{target: {model: m}, deltas: [{adapted: {model: s}}]}|a delta names no source model",
                "{target: {model: m}, deltas: [{source: {model: s}, adapted: {prompt: p}, lambda: {value: 1e30, start: 1e30}}]}|lambda's schedule",
                "{target: {model: m}, target: {model: n}}|the recipe is no valid YAML in line 1",
                "{target: &t {model: m}, deltas: [{source: *t}]}|refers to an anchor with *",
                "{target: {model: !!binary aGVsbG8=}}|has a tag (!)",
                "[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]|is nested more than 20 deep",
                "target: {model: m|the recipe is no valid YAML",
                "``|the recipe must be a map",
                "{target: {model: m}, sampling: {batch: 2, noise: n}}|start noise from a file is for one image",
                "{target: {model: m}, output: {image: ../x.png}}|output.image leads out of the recipe's folder",
                "{target: {model: m}, output: {latents: /tmp/x.safetensors}}|output.latents leads out of the recipe's folder",
                "{target: {model: \"a\\0b\"}}|target.model",
            })
    void mistakesAreNamedInOneSentence(String yaml, String says) {
        assertThatThrownBy(() -> RecipeFile.parse(yaml, FOLDER))
                .isInstanceOf(BadRecipeException.class)
                .hasMessageContaining(says)
                .hasMessageNotContaining("\n");
    }

    @Test
    void aSecondDocumentIsRefused() {
        assertThatThrownBy(() -> RecipeFile.parse("target: {model: m}\n---\ntarget: {model: n}", FOLDER))
                .isInstanceOf(BadRecipeException.class)
                .hasMessage("the recipe holds a second document (in line 3)");
    }

    @Test
    void longNamesAreCut() {
        String longest = "x".repeat(20_000);
        for (String recipe : List.of(
                "{target: {model: m, " + longest + ": 1}}",
                "{target: {model: m}, preset: " + longest + "}",
                "{target: {model: m}, sampling: {steps: " + longest + "}}",
                "{target: {model: m}, sampling: {size: " + longest + "}}",
                "{target: {model: m}, deltas: [{lambda: {schedule: " + longest + "}}]}",
                "{target: {model: m}, output: {image: ../" + longest + "}}")) {
            assertThatThrownBy(() -> RecipeFile.parse(recipe, FOLDER))
                    .isInstanceOf(BadRecipeException.class)
                    .message()
                    .hasSizeLessThan(500);
        }
    }

    @Test
    void onlyAnOrdinaryFileOfAMegabyteIsRead(@TempDir Path folder) throws Exception {
        Path large = Files.writeString(folder.resolve("large.yaml"), "#".repeat((1 << 20) + 1));
        Path latin = Files.write(folder.resolve("latin.yaml"), new byte[] {'a', (byte) 0xe9});
        Path marked = Files.writeString(folder.resolve("marked.yaml"), "\ufefftarget: {model: m}");
        assertThat(RecipeFile.read(marked).recipe().target().model()).isEqualTo(folder.resolve("m"));
        refused(large, "at most 1 MB");
        refused(latin, "is no recipe: it is neither a text in UTF-8 nor a PNG");
        refused(folder, "is not an ordinary file");
        refused(folder.resolve("none"), "does not exist");
        if (Files.exists(Path.of("/dev/zero"))) {
            refused(Path.of("/dev/zero"), "is not an ordinary file");
        }
    }

    private static void refused(Path file, String says) {
        assertThatThrownBy(() -> RecipeFile.read(file))
                .isInstanceOf(BadRecipeException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(says);
    }

    @Test
    void aLinkLeadsNoOutputOutOfTheRecipesFolder(@TempDir Path folder) throws Exception {
        Path inside = Files.createDirectory(folder.resolve("inside"));
        Files.createSymbolicLink(inside.resolve("link"), folder);
        Path recipe =
                Files.writeString(inside.resolve("r.yaml"), "{target: {model: m}, output: {image: link/a/b.png}}");
        refused(recipe, "output.image leads out of the recipe's folder");
    }
}
