package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.image.Image;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.RecipeFile;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Text to image with adapters against diffusers' pipelines, by recipes as a user writes them. */
@ExtendWith(NoLeaks.class)
class AdapterKitTest {

    @ParameterizedTest
    @ValueSource(strings = {"controlnet-sd1", "controlnet-sdxl", "t2i-adapter-sd1"})
    void controls(String name) {
        Kit.Case kit = Kit.at(name);
        JsonNode json = kit.json();
        boolean net = json.has("controlnet");
        requireAnswer(kit, """
                {%s: %s, image: %s, weight: %s, start: %s, end: %s}""".formatted(
                        net ? "controlnet" : "t2i-adapter",
                        kit.path(net ? "controlnet" : "adapter"),
                        kit.path("image"),
                        json.path("scale"),
                        json.path("start").asDouble(0),
                        json.path("end").asDouble(1)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"ip-adapter-sd1", "ip-adapter-plus-sd1"})
    void imagePrompts(String name) {
        Kit.Case kit = Kit.at(name);
        requireAnswer(
                kit,
                "{ip-adapter: %s, image-encoder: %s, image: %s, weight: %s}"
                        .formatted(
                                kit.path("ip_adapter"),
                                kit.path("image_encoder"),
                                kit.path("image"),
                                kit.json().path("scale")));
    }

    /** Makes the image of a case with an adapter and compares its latents. */
    private static void requireAnswer(Kit.Case kit, String adapter) {
        JsonNode json = kit.json();
        Path noise = kit.folder().resolve("io.safetensors");
        String sampler = json.path("sampler").asText();
        Recipe recipe = RecipeFile.parse(
                        """
                        target: {model: %s, prompt: "%s", negative: "%s", adapters: [%s]}
                        sampling: {sampler: %s, steps: %s, cfg: %s, noise: "%s#in.latents"}
                        """.formatted(
                                kit.path("model"),
                                json.path("prompt").asText(),
                                json.path("negative_prompt").asText(),
                                adapter,
                                sampler.equalsIgnoreCase("ddim") || sampler.startsWith("DDIM") ? "ddim" : "euler",
                                json.path("steps"),
                                json.path("cfg"),
                                noise),
                        Path.of("").toAbsolutePath())
                .recipe();
        try (Pipeline pipeline = new Pipeline(Pipeline.Options.DEFAULT.withoutHashes());
                TensorScope scope = TensorScope.open()) {
            Image image = pipeline.generate(recipe);
            Tensor expected = kit.tensor("out.latents");
            TensorAssert.assertThat(Tensor.create(image.latents()).view(expected.sizes()))
                    .isCloseTo(expected, Kit.PIPELINE);
            assertThat(image.recipe()).isEqualTo(recipe);
        }
    }
}
