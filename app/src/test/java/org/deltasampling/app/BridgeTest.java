package org.deltasampling.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.image.Provenance;
import org.deltasampling.model.Architecture;
import org.deltasampling.recipe.Recipe;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code bridge fit}, and {@code generate} by every kind of bridge, between models of 4 and of 16 latent channels. */
@ExtendWith(NoLeaks.class)
final class BridgeTest {

    @TempDir
    static Path models;

    private static Path sd1;
    private static Path sd2;
    private static Path sdxl;
    private static Path sd3;

    @TempDir
    Path folder;

    @BeforeAll
    static void makeModels() {
        sd1 = TinyModels.of(Architecture.SD1, models.resolve("sd1"), 1);
        sd2 = TinyModels.of(Architecture.SD2, models.resolve("sd2"), 2);
        sdxl = TinyModels.of(Architecture.SDXL, models.resolve("sdxl"), 3);
        sd3 = TinyModels.of(Architecture.SD3, models.resolve("sd3"), 4);
        TinyModels.lora(models.resolve("lora.safetensors"), sd1, 5);
    }

    private static Cli generate(Path target, Path output, Object... more) {
        List<Object> usual = List.of(
                "generate",
                "--steps",
                3,
                "--cfg",
                2,
                "--target",
                target,
                "--source",
                sd1,
                "--lora",
                models.resolve("lora.safetensors"),
                "--output",
                output);
        return Cli.run(Stream.concat(usual.stream(), Arrays.stream(more)).toArray());
    }

    private Path images(int count) throws IOException {
        Path all = Files.createDirectory(folder.resolve("images"));
        Random random = new Random(1);
        for (int i = 0; i < count; i++) {
            BufferedImage image = new BufferedImage(70, 90, BufferedImage.TYPE_INT_RGB);
            Graphics2D graphics = image.createGraphics();
            for (int j = 0; j < 9; j++) {
                graphics.setColor(new Color(random.nextInt(1 << 24)));
                graphics.fillOval(random.nextInt(70) - 15, random.nextInt(90) - 15, 40, 30);
            }
            graphics.dispose();
            ImageIO.write(image, "png", all.resolve(i + ".png").toFile());
        }
        return all;
    }

    private void makes(Path target, String says, Object... more) throws IOException {
        Path file = folder.resolve("a.png");
        Cli cli = generate(target, file, more);
        assertThat(cli.err()).isEmpty();
        assertThat(cli.code()).isZero();
        assertThat(cli.out()).anyMatch(line -> line.contains(says));
        Path alone = folder.resolve("b.png");
        assertThat(generate(target, alone, "--lambda", 0).code()).isZero();
        assertThat(pixels(file)).isNotEqualTo(pixels(alone));
    }

    static int[] pixels(Path file) throws IOException {
        BufferedImage image = ImageIO.read(file.toFile());
        return image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
    }

    @Test
    void autoSaysWhatItChose() throws IOException {
        makes(sd3, "bridge round-trip: the latents differ");
        makes(sd2, "bridge identity: source and target have the same latents");
    }

    @ParameterizedTest
    @ValueSource(strings = {"identity", "unscaled", "colours", "round-trip"})
    void everyKindOfBridge(String bridge) throws IOException {
        makes(sdxl, "step 3 of 3", "--bridge", bridge);
    }

    /** Autoencoders of random weights have little to do with each other, and are told apart by it. */
    @Test
    void aUselessBridgeIsMadeByForceUsedAndRemembered() throws IOException {
        Path bridge = folder.resolve("bridge.safetensors");
        Object[] line = {"bridge", "fit", "--from", sd1, "--to", sd3, "--images", images(30), "--output", bridge};
        Cli refused = Cli.run(line);
        assertThat(refused.code()).isEqualTo(2);
        assertThat(refused.out()).filteredOn(out -> out.startsWith("R-squared")).hasSize(2);
        assertThat(refused.err()).hasSize(1);
        assertThat(refused.err().get(0)).contains("is not written").contains("--force");
        assertThat(bridge).doesNotExist();
        Cli forced =
                Cli.run(Stream.concat(Arrays.stream(line), Stream.of("--force")).toArray());
        assertThat(forced.code()).isZero();
        assertThat(forced.err()).hasSize(1);
        assertThat(forced.err().get(0)).startsWith("warning: the bridge explains only");
        Path file = folder.resolve("a.png");
        Cli cli = generate(sd3, file, "--bridge", bridge, "--levels", "hold");
        assertThat(cli.code()).isZero();
        assertThat(cli.err()).hasSize(1);
        assertThat(cli.err().get(0)).startsWith("warning: ").contains("explains only");
        Recipe recipe = Provenance.read(file).recipe();
        assertThat(recipe.deltas().get(0).bridge().file()).hasFileName("bridge.safetensors");
        assertThat(recipe.deltas().get(0).levels()).isEqualTo(Recipe.Levels.HOLD);
        Object[] again = {"generate", "--recipe", file, "--models", models, "--models", folder};
        assertThat(Cli.run(again).code()).isZero();
        assertThat(Files.readAllBytes(folder.resolve("a-again.png"))).isEqualTo(Files.readAllBytes(file));
        Files.write(bridge, new byte[] {0}, StandardOpenOption.APPEND);
        Cli changed = Cli.run(again);
        assertThat(changed.code()).isEqualTo(2);
        assertThat(changed.err()).hasSize(1);
        assertThat(changed.err().get(0)).contains("bridge.safetensors").contains("SHA-256");
    }

    @Test
    void theLevelsThatASourceDoesNotKnowAreAMatterOfPolicy() throws IOException {
        Path file = folder.resolve("a.png");
        assertThat(generate(sd3, file, "--bridge", "colours").code()).isZero();
        int[] skipped = pixels(file);
        assertThat(generate(sd3, file, "--bridge", "colours", "--levels", "clamp")
                        .code())
                .isZero();
        assertThat(pixels(file)).isNotEqualTo(skipped);
    }

    @Test
    void theSourceMaySeeTheImageAtASizeOfItsOwn() throws IOException {
        makes(sd2, "step 3 of 3", "--source-size", "32x32");
        makes(sd3, "step 3 of 3", "--source-size", "96x96", "--bridge", "round-trip");
        Path file = folder.resolve("a.png");
        assertThat(Provenance.read(file).recipe().deltas().get(0).sourceSize()).hasToString("96x96");
    }

    @Test
    void imagesThatTheModelsMakeWillDo() {
        Path bridge = folder.resolve("bridge.safetensors");
        Cli fit =
                Cli.run("bridge", "fit", "--from", sd1, "--to", sd2, "--count", 20, "--kernel", 1, "--output", bridge);
        assertThat(fit.err()).isEmpty();
        assertThat(fit.code()).isZero();
        assertThat(fit.out()).anyMatch(line -> line.endsWith("whole: 1.00")); // they share their autoencoder
        assertThat(bridge).exists();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--bridge identity                 | 16 channels",
                "--bridge unscaled                 | 16 channels",
                "--bridge colors                   | the nearest is colours",
                "--bridge M/none.safetensors       | none.safetensors",
                "--bridge M/lora.safetensors       | is not a bridge between latents",
                "--levels keep                     | skip clamp hold",
                "--source-size 60x64               | as the source needs",
                "--source-size 8                   | 512x512",
                "--source-size 72x72 --size 400x64 | simpler ratio",
                "--preset reference                | 4 and 16 channels",
            })
    void whatCannotBeIsRefused(String options, String says) throws IOException {
        Path file = folder.resolve("a.png");
        Cli cli = generate(
                sd3,
                file,
                Arrays.stream(options.split(" "))
                        .map(o -> o.startsWith("M/") ? models.resolve(o.substring(2)) : o)
                        .toArray());
        assertThat(cli.err()).hasSize(1);
        assertThat(cli.err().get(0)).contains(says).doesNotContain("Exception");
        assertThat(cli.code()).isEqualTo(2);
        assertThat(file).doesNotExist();
    }

    @Test
    void theReferenceDoesTwoFlows() {
        Path target = TinyModels.of(Architecture.SD35_MEDIUM, folder.resolve("sd35"), 6);
        Path file = folder.resolve("a.png");
        Cli cli = Cli.run(
                "generate",
                "--steps",
                3,
                "--target",
                target,
                "--source",
                sd3,
                "--prompt",
                "a cat",
                "--adapted-prompt",
                "a dog",
                "--preset",
                "reference",
                "--output",
                file);
        assertThat(cli.err()).isEmpty();
        assertThat(cli.code()).isZero();
        assertThat(file).exists();
    }

    @Test
    void theReferenceRefusesAFlowWithAModelThatIsNone() throws IOException {
        Path wide = TinyModels.flowOfFour(folder.resolve("wide"), 1);
        Path file = folder.resolve("a.png");
        Cli cli = generate(wide, file, "--preset", "reference");
        assertThat(cli.err()).hasSize(1);
        assertThat(cli.err().get(0)).contains("a flow model with a model that is not one");
        assertThat(cli.code()).isEqualTo(2);
        assertThat(file).doesNotExist();
        Cli other = generate(sdxl, file, "--preset", "reference", "--bridge", "colours");
        assertThat(other.err()).hasSize(1);
        assertThat(other.err().get(0)).contains("leave out deltas[].bridge (--bridge)");
        assertThat(generate(sdxl, file, "--preset", "reference").code()).isZero();
    }
}
