package org.deltasampling.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.awt.image.BufferedImage;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import javax.imageio.ImageIO;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.WeightFile;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole pipelines and deltas of the kit, through the command line. */
@ExtendWith(NoLeaks.class)
final class KitTest {

    /** One grey level of 256, and half a level of rounding. */
    private static final double GREY = 1.5 / 255;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"pipe-sd1", "pipe-sd2", "pipe-sdxl", "pipe-sd3", "pipe-sd35m"})
    void pipeline(String name) throws Exception {
        Kit.Case kit = Kit.at(name);
        Map.Entry<String, JsonNode> last = null;
        for (Map.Entry<String, JsonNode> scheduler :
                kit.json().get("schedulers").properties()) {
            last = scheduler;
            boolean karras = scheduler.getKey().endsWith("-karras");
            List<Object> line = line(kit, kit.folder().resolve("model"));
            line.addAll(List.of("--sampler", scheduler.getKey().replace("-karras", "")));
            JsonNode spacing = scheduler.getValue().get("timestep_spacing");
            if (karras || spacing != null) { // flows have no spacing
                line.addAll(List.of("--schedule", karras ? "karras" : spacing.textValue()));
            }
            run(line);
            compare(io(kit), "out.latents." + scheduler.getKey(), 1);
        }
        assertThat(last).isNotNull();
        try (TensorScope scope = TensorScope.open()) {
            Tensor image = pixels(ImageIO.read(folder.resolve("out.png").toFile()));
            Tensor expected = kit.tensor("out.image.last");
            assertThat(image.sub(expected).abs().max().item_double()).isLessThanOrEqualTo(GREY);
        }
    }

    /** SD-XL is guided away from zeros where no negative prompt is given, from an empty text where it is empty. */
    @ParameterizedTest
    @ValueSource(strings = {"none", "empty"})
    void withoutNegative(String negative) throws Exception {
        Kit.Case kit = Kit.at("pipe-sdxl");
        List<Object> line = line(kit, kit.folder().resolve("model"));
        int option = line.indexOf("--negative");
        line.set(option + 1, "");
        if (negative.equals("none")) {
            line.subList(option, option + 2).clear();
        }
        line.addAll(List.of("--sampler", "euler", "--schedule", "leading"));
        run(line);
        compare(resource("sdxl-no-negative.safetensors"), "out.latents." + negative, 1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"delta-sd1-sd2-finetune", "delta-sd1-sd2-prompt", "delta-sd1-sdxl-lora", "delta-sdxl-sd1-lora"})
    void delta(String name) throws Exception {
        Kit.Case kit = Kit.at(name);
        for (Map.Entry<String, JsonNode> run : kit.json().get("runs").properties()) {
            List<Object> line = line(kit, kit.path("target"));
            line.addAll(List.of("--preset", "reference", "--source", kit.path("source")));
            if (kit.json().has("adapted")) {
                line.addAll(List.of("--adapted", kit.path("adapted")));
            }
            if (kit.json().has("lora")) {
                JsonNode lora = kit.json().get("lora");
                line.addAll(List.of(
                        "--lora",
                        kit.folder().resolve(lora.get("file").textValue()) + ":"
                                + lora.get("weight").doubleValue()));
            }
            if (kit.json().has("adapted_prompt")) {
                line.addAll(List.of(
                        "--adapted-prompt", kit.json().get("adapted_prompt").textValue()));
            }
            line.addAll(List.of(
                    "--sampler", run.getValue().get("sampler").textValue().replace('_', '-')));
            line.addAll(List.of("--schedule", run.getValue().get("schedule").textValue()));
            line.addAll(List.of("--lambda", run.getValue().get("lambda").doubleValue()));
            run(line);
            JsonNode vae = Kit.json(kit.path("target").resolve("vae/config.json"));
            compare(
                    io(kit),
                    "out.latents." + run.getKey(),
                    1 / vae.get("scaling_factor").doubleValue());
        }
    }

    private List<Object> line(Kit.Case kit, Path target) {
        JsonNode json = kit.json();
        return new ArrayList<>(List.of(
                "generate",
                "--target",
                target,
                "--prompt",
                json.get("prompt").textValue(),
                "--negative",
                json.get("negative_prompt").textValue(),
                "--steps",
                json.get("steps"),
                "--cfg",
                json.get("cfg"),
                "--size",
                json.get("width") + "x" + json.get("height"),
                "--noise",
                io(kit) + "#in.latents",
                "--latents",
                folder.resolve("out.safetensors"),
                "--output",
                folder.resolve("out.png")));
    }

    private static void run(List<Object> line) {
        Cli cli = Cli.run(line.toArray());
        assertThat(cli.err()).isEmpty();
        assertThat(cli.code()).isZero();
    }

    private static Path io(Kit.Case kit) {
        return kit.folder().resolve("io.safetensors");
    }

    private static Path resource(String name) throws URISyntaxException {
        return Path.of(Objects.requireNonNull(KitTest.class.getResource(name)).toURI());
    }

    /** The latents written, times {@code scale}, against those of {@code answers}. */
    private void compare(Path answers, String key, double scale) {
        try (TensorScope scope = TensorScope.open();
                WeightFile written = WeightFile.open(folder.resolve("out.safetensors"));
                WeightFile io = WeightFile.open(answers)) {
            Tensor latents = written.load("latents").mul(new Scalar(scale));
            double error = TensorAssert.error(latents, io.load(key));
            assertThat(error).as(answers + " " + key).isLessThanOrEqualTo(Kit.PIPELINE);
        }
    }

    /** (1, height, width, 3), 0 to 1. */
    private static Tensor pixels(BufferedImage image) {
        int[] rgb = image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
        float[] values = new float[3 * rgb.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = (rgb[i / 3] >> (16 - 8 * (i % 3)) & 0xff) / 255f;
        }
        return Tensor.create(values, 1, image.getHeight(), image.getWidth(), 3);
    }
}
