package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.image.Image;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.RecipeFile;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.WeightFile;
import org.junit.jupiter.api.Test;
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
        try (TensorScope scope = TensorScope.open()) {
            requireAnswer(kit, control(kit), kit.tensor("out.latents"));
        }
    }

    /**
     * The kit's answer cannot be had again: diffusers draws the control image's latent from an unseeded generator. This is its
     * answer with the mean of that latent.
     */
    @Test
    void aControlOfATransformerIsThatOfTheMeanLatent() throws URISyntaxException {
        Kit.Case kit = Kit.at("controlnet-sd3");
        URL answer = Objects.requireNonNull(getClass().getResource("/controlnet/controlnet-sd3-mean.safetensors"));
        try (WeightFile file = WeightFile.open(Path.of(answer.toURI()));
                TensorScope scope = TensorScope.open()) {
            requireAnswer(kit, control(kit), file.load("out.latents"));
        }
    }

    private static String control(Kit.Case kit) {
        JsonNode json = kit.json();
        boolean net = json.has("controlnet");
        return "{%s: %s, image: %s, weight: %s, start: %s, end: %s}"
                .formatted(
                        net ? "controlnet" : "t2i-adapter",
                        kit.path(net ? "controlnet" : "adapter"),
                        kit.path("image"),
                        json.path("scale"),
                        json.path("start").asDouble(0),
                        json.path("end").asDouble(1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"ip-adapter-sd1", "ip-adapter-plus-sd1"})
    void imagePrompts(String name) {
        Kit.Case kit = Kit.at(name);
        try (TensorScope scope = TensorScope.open()) {
            requireAnswer(
                    kit,
                    "{ip-adapter: %s, image-encoder: %s, image: %s, weight: %s}"
                            .formatted(
                                    kit.path("ip_adapter"),
                                    kit.path("image_encoder"),
                                    kit.path("image"),
                                    kit.json().path("scale")),
                    kit.tensor("out.latents"));
        }
    }

    /** Makes the image of a case with an adapter and compares its latents. */
    private static void requireAnswer(Kit.Case kit, String adapter, Tensor expected) {
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
                                        sampler.toLowerCase(Locale.ROOT).startsWith("ddim") ? "ddim" : "euler",
                                        json.path("steps"),
                                        json.path("cfg"),
                                        noise),
                        Path.of("").toAbsolutePath())
                .recipe();
        try (Pipeline pipeline = new Pipeline(Pipeline.Options.DEFAULT.withoutHashes());
                TensorScope scope = TensorScope.open()) {
            Image image = pipeline.generate(recipe);
            TensorAssert.assertThat(Tensor.create(image.latents()).view(expected.sizes()))
                    .isCloseTo(expected, Kit.PIPELINE);
            assertThat(image.recipe()).isEqualTo(recipe);
        }
    }
}
