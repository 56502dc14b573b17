package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.tensor.Precision;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** A model that an adapter was baked into makes the images of the model with the adapter. */
@ExtendWith(NoLeaks.class)
class MergingTest {

    @TempDir
    Path folder;

    private Path model;
    private Lora lora;

    @BeforeEach
    void makeModels() {
        model = TinyModels.sd2(folder.resolve("model"), 2);
        lora = new Lora(TinyModels.lora(folder.resolve("lora.safetensors"), model, 3), 0.8);
    }

    private static float[] latents(Recipe recipe) {
        try (Pipeline pipeline = new Pipeline(Pipeline.Options.DEFAULT.withoutHashes())) {
            return pipeline.generate(recipe).latents();
        }
    }

    private static Recipe plain(Path of) {
        return Recipe.of(of, "a cat").with(Sampling.DEFAULT.steps(2).size(16, 16));
    }

    @Test
    void aFolderIsTheModelWithTheAdapter() {
        Path merged = folder.resolve("merged");
        assertThat(Merging.merge(model, List.of(lora), Precision.FLOAT32, merged))
                .isEmpty();
        Recipe recipe = plain(model);
        assertThat(latents(plain(merged)))
                .containsExactly(latents(recipe.with(recipe.target().plus(lora))), within(1e-4f))
                .isNotEqualTo(latents(recipe));
    }

    @Test
    void aFileIsTheModelWithTheAdapter() {
        Path merged = folder.resolve("merged.safetensors");
        Merging.merge(model, List.of(lora, lora), Precision.FLOAT32, merged);
        Inspection inspection = Inspection.of(merged);
        assertThat(inspection.kind()).isEqualTo("a checkpoint in the original layout");
        assertThat(inspection.parts()).allSatisfy(part -> {
            assertThat(part.missing()).isEmpty();
            assertThat(part.unused()).isEmpty();
        });
    }

    @Test
    void whatIsThereStaysAndNothingIsHalfWritten() throws IOException {
        Path there = Files.createDirectory(folder.resolve("there"));
        assertThatThrownBy(() -> Merging.merge(model, List.of(lora), null, there))
                .isInstanceOf(DeltaSamplingException.class)
                .hasMessageContaining("is there already");
        Lora wrong = new Lora(folder.resolve("none.safetensors"), 1);
        assertThatThrownBy(() -> Merging.merge(model, List.of(wrong), null, folder.resolve("new")))
                .isInstanceOf(DeltaSamplingException.class);
        try (Stream<Path> all = Files.list(folder)) {
            assertThat(all.map(path -> path.getFileName().toString()))
                    .containsExactlyInAnyOrder("model", "lora.safetensors", "there");
        }
    }
}
