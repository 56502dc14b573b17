package org.deltasampling.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.image.Provenance;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.WeightFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code generate} with models that the test makes itself. */
@ExtendWith(NoLeaks.class)
final class GenerateTest {

    @TempDir
    Path folder;

    @TempDir
    Path elsewhere;

    private Path sd1;
    private Path sd2;
    private Path lora;

    @BeforeEach
    void makeModels() {
        sd1 = TinyModels.sd1(folder.resolve("sd 1"), 1);
        sd2 = TinyModels.sd2(folder.resolve("sd2"), 2);
        lora = TinyModels.lora(folder.resolve("lora:1.safetensors"), sd1, 3);
    }

    private byte[] image(String name, Object... more) throws IOException {
        Path file = folder.resolve(name);
        Object[] line = Stream.concat(
                        Stream.of("generate", "--steps", 2, "--output", file, "--size", "24x16"), Stream.of(more))
                .toArray();
        Cli cli = Cli.run(line);
        assertThat(cli.err()).isEmpty();
        assertThat(cli.out()).contains(file.toString());
        assertThat(cli.code()).isZero();
        return Files.readAllBytes(file);
    }

    private Object[] delta(Object... more) {
        return Stream.concat(
                        Stream.of("--target", sd2, "--source", sd1, "--lora", lora + ":0.7", "--prompt", "a cat"),
                        Stream.of(more))
                .toArray();
    }

    @ParameterizedTest
    @ValueSource(strings = {"ddim", "euler", "euler-ancestral", "heun", "dpmpp-2m", "unipc", "lms", "pndm", "deis"})
    void sameSeedSameImage(String sampler) throws IOException {
        byte[] first = image("a.png", delta("--sampler", sampler, "--seed", 7));
        assertThat(image("a.png", delta("--sampler", sampler, "--seed", 7))).isEqualTo(first);
        assertThat(image("a.png", delta("--sampler", sampler, "--seed", 8))).isNotEqualTo(first);
    }

    @Test
    void anImageMakesItselfAgain() throws IOException {
        byte[] first = image("a.png", delta("--seed", 7, "--lambda-schedule", "cosine:1:0.5"));
        assertThat(Cli.run("generate", "--recipe", folder.resolve("a.png")).code())
                .isZero();
        assertThat(Files.readAllBytes(folder.resolve("a-again.png"))).isEqualTo(first);
        Cli other = Cli.run(
                "generate", "--recipe", folder.resolve("a.png"), "--seed", 8, "--output", folder.resolve("b.png"));
        assertThat(other.code()).isZero();
        assertThat(Files.readAllBytes(folder.resolve("b.png"))).isNotEqualTo(first);
    }

    @Test
    void anImageFindsItsFilesInOtherFolders() throws IOException {
        byte[] first = image("a.png", delta());
        assertThat(new String(first, StandardCharsets.ISO_8859_1)).doesNotContain(folder.toString());
        Path moved = Files.createDirectories(elsewhere.resolve("models/old"));
        Files.move(sd1, moved.resolve("sd 1"));
        Files.move(lora, moved.resolve("renamed.safetensors"));
        Path again = folder.resolve("a-again.png");
        Cli missing = Cli.run("generate", "--recipe", folder.resolve("a.png"));
        assertThat(missing.code()).isEqualTo(2);
        assertThat(missing.err()).hasSize(1);
        assertThat(missing.err().get(0)).contains("sd 1", "SHA-256", "--models");
        assertThat(again).doesNotExist();
        Object[] line = {"generate", "--recipe", folder.resolve("a.png"), "--models", elsewhere, "--models", sd2};
        assertThat(Cli.run(line).code()).isZero();
        assertThat(BridgeTest.pixels(again)).isEqualTo(BridgeTest.pixels(folder.resolve("a.png")));
    }

    @Test
    void onlyWhatThisProgramWroteIsReplaced() throws IOException {
        Path image = folder.resolve("a.png");
        Path latents = Files.writeString(folder.resolve("l.safetensors"), "of someone else");
        image("a.png", delta("--seed", 7));
        image("a.png", delta("--seed", 8));
        Files.writeString(image, "of someone else");
        Cli refused = Cli.run(Stream.concat(Stream.of("generate", "--output", image), Stream.of(delta()))
                .toArray());
        assertThat(refused.code()).isEqualTo(2);
        assertThat(refused.err()).hasSize(1);
        assertThat(refused.err().get(0)).contains("a.png exists and was not written by this program", "--overwrite");
        assertThat(image).content().isEqualTo("of someone else");
        image("a.png", delta("--overwrite", "--latents", latents));
        image("a.png", delta("--latents", latents));
    }

    @Test
    void whatIsReadIsNeverWrittenOver() throws IOException {
        Path weights = sd1.resolve("unet/diffusion_pytorch_model.safetensors");
        byte[] before = Files.readAllBytes(weights);
        for (Object[] line : List.of(
                delta("--overwrite", "--latents", weights),
                delta("--overwrite", "--latents", lora, "--output", "x.png"))) {
            Cli cli = Cli.run(
                    Stream.concat(Stream.of("generate"), Stream.of(line)).toArray());
            assertThat(cli.code()).isEqualTo(2);
            assertThat(cli.err()).hasSize(1);
            assertThat(cli.err().get(0)).contains("which is read");
        }
        assertThat(weights).hasBinaryContent(before);
    }

    @Test
    void aSeedIsAny64Bits() throws IOException {
        byte[] most = image("a.png", delta("--seed", "18446744073709551615"));
        assertThat(new String(most, StandardCharsets.ISO_8859_1))
                .contains("\"seed\":18446744073709551615", "Seed: 18446744073709551615");
        assertThat(image("a.png", delta("--seed", -1))).isEqualTo(most);
    }

    @Test
    void whatIsSaidOfAModelBesideItsFilesChangesTheImage() throws IOException {
        image("b.png", delta());
        image("a.png", delta("--prediction", "epsilon", "--source-prediction", "v", "--zero-snr"));
        assertThat(BridgeTest.pixels(folder.resolve("a.png"))).isNotEqualTo(BridgeTest.pixels(folder.resolve("b.png")));
        Recipe recipe = Provenance.read(folder.resolve("a.png")).recipe();
        assertThat(recipe.target().overrides().prediction()).isEqualTo(Parameterization.EPSILON);
        assertThat(recipe.target().overrides().zeroSnr()).isTrue();
        assertThat(recipe.deltas().get(0).adaptedRole().overrides().prediction())
                .isEqualTo(Parameterization.V_PREDICTION);
        image("a.png", delta("--prediction", "v", "--no-zero-snr")); // which is what its files say
        assertThat(BridgeTest.pixels(folder.resolve("a.png"))).isEqualTo(BridgeTest.pixels(folder.resolve("b.png")));
    }

    @Test
    void aRecipeIsTheSameAsItsOptions() throws IOException {
        byte[] first = image("a.png", delta("--lambda", 2, "--negative", "a dog", "--seed", 3));
        Path recipe = Files.writeString(folder.resolve("r.yaml"), """
                target: {model: sd2, prompt: a cat, negative: a dog}
                deltas:
                  - source: {model: sd 1}
                    adapted: {adapters: [{lora: "lora:1.safetensors", weight: 0.7}]}
                    lambda: 2
                sampling: {steps: 2, seed: 4, size: 24x16}
                output: {image: b.png}
                """);
        assertThat(Cli.run("generate", "--recipe", recipe, "--seed", 3).code()).isZero();
        Recipe a = Provenance.read(folder.resolve("a.png")).recipe();
        Recipe b = Provenance.read(folder.resolve("b.png")).recipe();
        assertThat(b.sampling()).isEqualTo(a.sampling());
        assertThat(javax.imageio.ImageIO.read(folder.resolve("b.png").toFile()).getRGB(5, 5))
                .isEqualTo(javax.imageio.ImageIO.read(folder.resolve("a.png").toFile())
                        .getRGB(5, 5));
        assertThat(first).isNotEmpty();
    }

    @Test
    void aChangedModelIsNoticed() throws IOException {
        image("a.png", delta());
        Files.write(sd2.resolve("unet/config.json"), new byte[] {' '}, StandardOpenOption.APPEND);
        Cli refused = Cli.run("generate", "--recipe", folder.resolve("a.png"));
        assertThat(refused.code()).isEqualTo(2);
        assertThat(refused.err()).hasSize(1);
        assertThat(refused.err().get(0)).contains("config.json").contains("SHA-256");
        assertThat(Cli.run("generate", "--recipe", folder.resolve("a.png"), "--target", sd2)
                        .code())
                .isZero();
    }

    @Test
    void eachImageOfABatchIsAsIfMadeAlone() throws IOException {
        Path latents = folder.resolve("l.safetensors");
        Cli cli = Cli.run(Stream.concat(
                        Stream.of(
                                "generate",
                                "--steps",
                                2,
                                "--batch",
                                3,
                                "--seed",
                                5,
                                "--size",
                                "24x16",
                                "--latents",
                                latents),
                        Stream.of(delta("--sampler", "euler-ancestral", "--output", folder.resolve("x.png"))))
                .toArray());
        assertThat(cli.err()).isEmpty();
        assertThat(cli.code()).isZero();
        byte[] alone = image("y.png", delta("--sampler", "euler-ancestral", "--seed", 6));
        assertThat(Files.readAllBytes(folder.resolve("x-2.png"))).isEqualTo(alone);
        assertThat(folder.resolve("x-3.png")).exists();
        try (TensorScope scope = TensorScope.open();
                WeightFile file = WeightFile.open(latents)) {
            assertThat(file.info("latents").shape()).containsExactly(3, 4, 8, 12);
        }
    }

    @Test
    void lambdaZeroIsTheTargetAlone() throws IOException {
        Path a = folder.resolve("a.safetensors");
        Path b = folder.resolve("b.safetensors");
        image("a.png", delta("--lambda", 0, "--latents", a));
        image("b.png", "--target", sd2, "--prompt", "a cat", "--latents", b);
        assertThat(Files.readAllBytes(a)).isEqualTo(Files.readAllBytes(b));
    }

    @Test
    void aLongPromptIsCutWithAWarning() {
        Cli cli = Cli.run(
                "generate",
                "--target",
                sd1,
                "--steps",
                1,
                "--output",
                folder.resolve("a.png"),
                "--prompt",
                "x".repeat(70) + " and the end");
        assertThat(cli.code()).isZero();
        assertThat(cli.err()).hasSize(1);
        assertThat(cli.err().get(0)).startsWith("warning: ").contains("the end").contains("77");
    }

    @Test
    void progressIsPlainLinesWhereThereIsNoTerminal() {
        Cli cli = Cli.run("generate", "--target", sd1, "--steps", 3, "--output", folder.resolve("a.png"));
        assertThat(cli.out()).anyMatch(line -> line.startsWith("step 3 of 3"));
        assertThat(cli.out()).noneMatch(line -> line.contains("\r"));
        assertThat(List.of(folder.toFile().list())).noneMatch(name -> name.endsWith(".part"));
    }
}
