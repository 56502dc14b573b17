package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.deltasampling.Kit;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.RecipeFile;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every kind of adapter as what a source has learned, on a target of another family. */
class AdapterDeltaTest {

    private static final Pipeline PIPELINE = new Pipeline(Pipeline.Options.DEFAULT.withoutHashes());

    private static final Map<String, float[]> ALONE = new HashMap<>();

    @AfterAll
    static void close() {
        PIPELINE.close();
    }

    private static Recipe recipe(String target, String deltas) {
        return RecipeFile.parse("""
                        target: {model: %s/%s/model, prompt: "a cat in <my-style>"}
                        deltas: [%s]
                        sampling: {steps: 3, cfg: 3, size: 64x64}
                        """.formatted(Kit.root(), target, deltas), Kit.root())
                .recipe();
    }

    private static float[] alone(String target) {
        return ALONE.computeIfAbsent(
                target, model -> PIPELINE.generate(recipe(model, "")).latents());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "pipe-sd1 | pipe-sdxl | {lora: delta-sd1-sdxl-lora/lora.safetensors",
                "pipe-sd1 | pipe-sd3  | {lora: delta-sd1-sdxl-lora/lora.safetensors",
                "pipe-sd1 | pipe-sd2  | {controlnet: controlnet-sd1/controlnet, image: controlnet-sd1/control.png",
                "pipe-sd1 | pipe-sd3  | {controlnet: controlnet-sd1/controlnet, image: controlnet-sd1/control.png, from: canny, guess: true",
                "pipe-sdxl | pipe-sd1 | {controlnet: controlnet-sdxl/controlnet, image: controlnet-sdxl/control.png",
                "pipe-sd3 | pipe-sdxl | {controlnet: controlnet-sd3/controlnet, image: controlnet-sd3/control.png",
                "pipe-sd1 | pipe-sdxl | {t2i-adapter: t2i-adapter-sd1/adapter, image: t2i-adapter-sd1/control.png, end: 0.7",
                "pipe-sd1 | pipe-sd3  | {ip-adapter: ip-adapter-sd1/ip-adapter.safetensors, image-encoder: ip-adapter-sd1/image_encoder, image: ip-adapter-sd1/image.png",
                "pipe-sd1 | pipe-sdxl | {ip-adapter: ip-adapter-plus-sd1/ip-adapter.safetensors, image-encoder: ip-adapter-plus-sd1/image_encoder, image: [ip-adapter-plus-sd1/image.png, ip-adapter-sd1/image.png], start: 0.3"
            })
    void changesTheTargetAndDoesNotAtWeightZero(String source, String target, String adapter) {
        float[] changed = PIPELINE.generate(recipe(target, delta(source, adapter + ", weight: 1}")))
                .latents();
        assertThat(changed).isNotEqualTo(alone(target));
        for (float value : changed) {
            assertThat(value).isFinite();
        }
        assertThat(PIPELINE.generate(recipe(target, delta(source, adapter + ", weight: 0}")))
                        .latents())
                .containsExactly(alone(target), within(1e-3f));
    }

    @ParameterizedTest
    @CsvSource({"pipe-sdxl", "pipe-sd3"})
    void aTunedWordChangesTheTarget(String target) {
        String adapter = "{embedding: textual-inversion-sd1/my-style.safetensors, token: <my-style>}";
        assertThat(PIPELINE.generate(recipe(target, delta("pipe-sd1", adapter))).latents())
                .isNotEqualTo(alone(target));
    }

    private static String delta(String source, String adapter) {
        Path model = Kit.root().resolve(source).resolve("model");
        return "{source: {model: %s}, adapted: {adapters: [%s]}, bridge: round-trip, levels: clamp}"
                .formatted(model, adapter);
    }
}
