package org.deltasampling.recipe;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.Mutations;
import org.junit.jupiter.api.Test;

/** Damaged recipes: each is read, or refused in one short sentence. */
final class RecipeFuzzTest {

    private static final int COUNT = 2_500;
    private static final Path FOLDER = Path.of("recipes").toAbsolutePath();

    private static final List<String> TOKENS = List.of(
            "---",
            "...",
            "*a",
            "&a ",
            "!!binary ",
            "!x ",
            "<<: ",
            "? ",
            "- ",
            "|\n",
            ">-\n",
            "\t",
            "\0",
            "\u0085",
            "\ufeff",
            "\"",
            "'",
            "\\x",
            "\\ud800",
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "#",
            "%YAML 9.9\n",
            ".nan",
            "-.inf",
            "1e999",
            "1e39",
            "-0",
            "0x1F",
            "1_000",
            "99999999999999999999",
            "18446744073709551615",
            "~",
            "null",
            "true",
            "../",
            "/",
            "C:\\",
            "//host/a",
            "target: ",
            "adapters: ",
            "lora: ",
            "zero-snr: ",
            "prediction: v",
            "bridge: a.safetensors",
            "noise: a#b",
            "[".repeat(5_000),
            "{a: ".repeat(2_000),
            "x".repeat(20_000),
            "output: {image: ../a.png}");

    private static final List<String> RECIPES = List.of("""
            # a comment
            target: {model: sd21, prompt: "a cat: asleep", negative: blurry, vae: vae.safetensors, t5_tokenizer: t5}
            deltas:
              - source: {model: ../sd15, prediction: v, zero-snr: yes, scheduler: DDIMScheduler, device: "cuda:1"}
                adapted:
                  model: ink
                  adapters:
                    - {lora: ink.safetensors, weight: 0.8}
                lambda: {value: 2.5, schedule: cosine, start: 1, end: 0.5}
                bridge: round-trip
                levels: hold
                source-size: 512x512
            sampling: {sampler: heun, schedule: normal, steps: 10, cfg: 3.0, seed: 42, size: 512x768, batch: 1}
            output: {image: out.png, latents: out.safetensors}
            preset: reference
            """, """
            {"target": {"model": "m", "prompt": "no"},
             "deltas": [{"source": {"model": "s"}, "adapted": {"prompt": "p"}, "lambda": -1e-3}],
             "sampling": {"precision": "bfloat16", "noise": "n.safetensors#key", "seed": -1}}
            """);

    @Test
    void everyDamagedRecipeIsReadOrRefusedInASentence() {
        Mutations mutations = new Mutations(1, TOKENS);
        int read = 0;
        for (int i = 0; i < COUNT; i++) {
            String text = mutations.of(RECIPES.get(i % RECIPES.size()));
            try {
                Recipe recipe = RecipeFile.parse(text, FOLDER).recipe();
                assertThat(RecipeFile.parse(RecipeFile.yaml(recipe), FOLDER).recipe())
                        .as(text)
                        .isEqualTo(recipe);
                read++;
            } catch (DeltaSamplingException e) {
                assertThat(e.getMessage())
                        .as(text)
                        .isNotBlank()
                        .hasSizeLessThan(600)
                        .doesNotContain("\n", "Exception");
            }
        }
        assertThat(read).isBetween(COUNT / 20, COUNT * 19 / 20);
    }
}
