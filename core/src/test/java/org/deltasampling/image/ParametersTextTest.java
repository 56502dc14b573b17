package org.deltasampling.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.TreeMap;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Sampling;
import org.junit.jupiter.api.Test;

class ParametersTextTest {

    private static final Path FOLDER = Path.of("models").toAbsolutePath();

    private final TreeMap<Path, Fingerprint> files = new TreeMap<>();

    private Path file(String name, String hash) {
        Path file = FOLDER.resolve(name);
        files.put(file, new Fingerprint(hash + "0".repeat(64 - hash.length()), 1));
        return file;
    }

    private String of(Recipe recipe) {
        return ParametersText.of(new Provenance(recipe, files), 512, 768);
    }

    @Test
    void theFormOfA1111() {
        Recipe recipe = Recipe.of(file("sd21.safetensors", "aaaaaaaaaaaabb"), "a cat,\nasleep")
                .plus(Delta.of(
                        file("sd15.safetensors", "bb"), new Lora(file("ink: 2.safetensors", "cccccccccccccc"), 1)))
                .plus(Delta.of(FOLDER.resolve("sd15.safetensors"), new Lora(file("b.safetensors", "dd"), 1)))
                .with(Sampling.DEFAULT
                        .sampler("dpmpp-2m")
                        .schedule("karras")
                        .steps(20)
                        .cfg(7)
                        .seed(-1));
        assertThat(of(recipe.with(recipe.target().without("blurry")))).isEqualTo("""
                        a cat,
                        asleep
                        Negative prompt: blurry
                        Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 18446744073709551615, \
                        Size: 512x768, Model hash: aaaaaaaaaa, Model: sd21, \
                        Lora hashes: "ink 2: cccccccccc, b: dd00000000", Version: delta-sampling, \
                        Hashes: {"model":"aaaaaaaaaa","lora:ink 2":"cccccccccc","lora:b":"dd00000000"}\
                        """);
    }

    @Test
    void whatThereIsNotIsLeftOut() {
        Recipe recipe = Recipe.of(FOLDER.resolve("my, folder"), "")
                .with(Sampling.DEFAULT.sampler("new").cfg(2.5));
        assertThat(of(recipe)).isEqualTo("""

                        Steps: 20, Sampler: new, CFG scale: 2.5, Seed: 0, Size: 512x768, Model: "my, folder", \
                        Version: delta-sampling\
                        """);
    }
}
