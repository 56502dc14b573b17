package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.deltasampling.Kit;
import org.deltasampling.TinyModels;
import org.deltasampling.file.BadFileException;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Sampling;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Model files that are written over while a pipeline is open. */
class ChangedFilesTest {

    @TempDir
    Path folder;

    private static Recipe recipe(Path model) {
        return Recipe.of(model, "a cat").with(Sampling.DEFAULT.steps(2).size(16, 16));
    }

    @Test
    void aModelThatIsWrittenOverBetweenImagesIsReadAgain() throws IOException {
        Path model = TinyModels.sd1(folder.resolve("model"), 1);
        Path other = TinyModels.sd1(folder.resolve("other"), 2);
        try (Pipeline pipeline = new Pipeline()) {
            float[] first = pipeline.generate(recipe(model)).latents();
            float[] second = pipeline.generate(recipe(other)).latents();
            Kit.copy(other, model);
            assertThat(pipeline.generate(recipe(model)).latents())
                    .isEqualTo(second)
                    .isNotEqualTo(first);
        }
    }

    @Test
    void aModelThatIsTouchedWhileItIsSampledGivesNoImage() {
        Path model = TinyModels.sd1(folder.resolve("model"), 1);
        PipelineListener touching = new PipelineListener() {
            @Override
            public void step(int done, int steps) {
                try {
                    Files.setLastModifiedTime(
                            model.resolve("unet/diffusion_pytorch_model.safetensors"), FileTime.fromMillis(done));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        };
        try (Pipeline pipeline = new Pipeline()) {
            assertThatThrownBy(() -> pipeline.generate(recipe(model), touching))
                    .isInstanceOf(BadFileException.class)
                    .hasMessageContaining("was changed or deleted while it was in use");
        }
    }
}
