package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.image.Image;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NoLeaks.class)
final class PipelineTest {

    @TempDir
    Path folder;

    private Path sd1;
    private Path finetune;
    private Path sd2;
    private Lora lora;

    @BeforeEach
    void makeModels() {
        sd1 = TinyModels.sd1(folder.resolve("sd1"), 1);
        finetune = TinyModels.sd1(folder.resolve("finetune"), 11);
        sd2 = TinyModels.sd2(folder.resolve("sd2"), 2);
        lora = new Lora(TinyModels.lora(folder.resolve("lora.safetensors"), sd1, 3), 0.8);
    }

    private Recipe recipe() {
        return Recipe.of(sd2, "a cat").with(Sampling.DEFAULT.steps(2).size(16, 16));
    }

    private static int[] pixels(Image image) {
        return image.toBufferedImage().getRGB(0, 0, image.width(), image.height(), null, 0, image.width());
    }

    @Test
    void fiftyImagesLeaveNoTensorBehind() {
        try (Pipeline pipeline = new Pipeline()) {
            Recipe recipe = recipe().plus(Delta.of(sd1, lora));
            pipeline.generate(recipe);
            long loaded = TensorScope.liveObjects();
            for (int seed = 1; seed <= 50; seed++) {
                pipeline.generate(recipe.with(recipe.sampling().seed(seed)));
            }
            assertThat(TensorScope.liveObjects()).isEqualTo(loaded);
        }
    }

    @Test
    void targetEqualToSourceAtFullStrengthIsTheAdapted() {
        try (Pipeline pipeline = new Pipeline()) {
            Recipe adapted = Recipe.of(finetune, "a cat").with(recipe().sampling());
            Recipe delta = Recipe.of(sd1, "a cat").with(recipe().sampling()).plus(Delta.of(sd1, finetune));
            float[] a = pipeline.generate(adapted).latents(); // up to 54 in size
            assertThat(pipeline.generate(delta).latents()).containsExactly(a, within(5e-3f));
        }
    }

    @Test
    void aLoraOfTheTargetIsPlainTextToImageWithIt() {
        try (Pipeline pipeline = new Pipeline()) {
            Recipe plain = Recipe.of(sd1, "a cat").with(recipe().sampling());
            Recipe adapted = plain.with(plain.target().plus(lora));
            assertThat(pixels(pipeline.generate(adapted))).isNotEqualTo(pixels(pipeline.generate(plain)));
        }
    }

    @Test
    void aBatchIsItsImagesMadeAlone() {
        try (Pipeline pipeline = new Pipeline()) {
            Recipe recipe = recipe().plus(Delta.of(sd1, finetune));
            Sampling sampling = recipe.sampling().sampler("euler-ancestral").seed(5);
            List<Image> batch = pipeline.generateAll(List.of(recipe.with(sampling.batch(2))), PipelineListener.NONE);
            Image alone = pipeline.generate(recipe.with(sampling.seed(6)));
            assertThat(pixels(batch.get(1))).isEqualTo(pixels(alone));
            assertThat(batch.get(1).recipe()).isEqualTo(alone.recipe());
        }
    }

    @Test
    void theListenerHearsEachModelOnceAndEachStep() {
        List<String> heard = new ArrayList<>();
        PipelineListener listener = new PipelineListener() {
            @Override
            public void loading(Path model) {
                heard.add(model.getFileName().toString());
            }

            @Override
            public void step(int done, int steps) {
                heard.add(done + "/" + steps);
            }
        };
        try (Pipeline pipeline = new Pipeline()) {
            Recipe recipe = recipe().plus(Delta.of(sd1, finetune))
                    .plus(Delta.of(sd1, finetune).lambda(0.5));
            pipeline.generate(recipe, listener);
            pipeline.generate(recipe, listener);
        }
        assertThat(heard).containsExactly("sd2", "sd1", "finetune", "0/2", "1/2", "2/2", "0/2", "1/2", "2/2");
    }
}
