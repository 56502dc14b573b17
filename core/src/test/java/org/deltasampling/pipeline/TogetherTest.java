package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.image.Image;
import org.deltasampling.model.Architecture;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Bridge;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Levels;
import org.deltasampling.recipe.Recipe.Preset;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.tensor.PixelSize;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Images that are sampled in one batch are those made alone. */
@ExtendWith(NoLeaks.class)
final class TogetherTest {

    private static final PixelSize LARGER = new PixelSize(24, 24);
    private static final Sampling SAMPLING = Sampling.DEFAULT.steps(3).size(16, 16);

    @TempDir
    static Path folder;

    /** Of prompts of unlike length, with noise in each step, and with noise that bridges draw. */
    static Stream<Recipe> recipes() {
        Path sd1 = TinyModels.sd1(folder.resolve("sd1"), 1);
        Path finetune = TinyModels.sd1(folder.resolve("finetune"), 11);
        Path sd2 = TinyModels.sd2(folder.resolve("sd2"), 2);
        Path xl = TinyModels.of(Architecture.SDXL, folder.resolve("xl"), 3);
        Path sd3 = TinyModels.of(Architecture.SD3, folder.resolve("sd3"), 4);
        Delta delta = Delta.of(sd1, finetune).lambda(0.5);
        return Stream.of(
                Recipe.of(sd2, "").with(SAMPLING.sampler("euler-ancestral")),
                Recipe.of(xl, "").with(SAMPLING),
                Recipe.of(sd2, "").with(SAMPLING).plus(delta.with(Levels.HOLD)),
                Recipe.of(sd2, "")
                        .with(SAMPLING)
                        .plus(delta.by(Bridge.of(Bridge.Kind.IDENTITY)).at(LARGER)),
                Recipe.of(sd2, "").with(SAMPLING).plus(delta).with(Preset.REFERENCE),
                Recipe.of(sd3, "")
                        .with(SAMPLING)
                        .plus(delta.by(Bridge.of(Bridge.Kind.ROUND_TRIP)).at(LARGER)));
    }

    @ParameterizedTest
    @MethodSource("recipes")
    void areThoseMadeAlone(Recipe recipe) {
        List<Recipe> recipes = new ArrayList<>();
        for (String prompt : List.of("a cat", "two dogs", "a long tale of a cat and of a dog ".repeat(6))) {
            recipes.add(recipe.with(recipe.target().with(prompt).without("grey"))
                    .with(recipe.sampling().seed(7 + recipes.size())));
        }
        List<Integer> steps = new ArrayList<>();
        PipelineListener listener = new PipelineListener() {
            @Override
            public void step(int done, int of) {
                steps.add(done);
            }
        };
        try (Pipeline alone = new Pipeline();
                Pipeline pipeline = new Pipeline(Pipeline.Options.DEFAULT.together(3))) {
            List<Image> together = pipeline.generateAll(recipes, listener);
            assertThat(steps).containsExactly(0, 1, 2, 3);
            for (int i = 0; i < recipes.size(); i++) {
                Image expected = alone.generate(recipes.get(i));
                assertThat(together.get(i).recipe()).isEqualTo(expected.recipe());
                assertThat(together.get(i).latents()).containsExactly(expected.latents(), within(2e-3f));
            }
        }
    }

    @Test
    void recipesThatAreUnlikeAreSampledApart() {
        Recipe some =
                Recipe.of(TinyModels.sd2(folder.resolve("other"), 5), "a cat").with(SAMPLING);
        Recipe other = some.with(SAMPLING.cfg(3));
        List<Integer> steps = new ArrayList<>();
        PipelineListener listener = new PipelineListener() {
            @Override
            public void step(int done, int of) {
                steps.add(done);
            }
        };
        try (Pipeline pipeline = new Pipeline(Pipeline.Options.DEFAULT.together(2))) {
            List<Image> images = pipeline.generateAll(List.of(some.with(SAMPLING.batch(3)), other), listener);
            assertThat(images).hasSize(4);
            assertThat(images.get(2).recipe()).isEqualTo(some.with(SAMPLING.seed(SAMPLING.seed() + 2)));
            assertThat(images.get(3).recipe()).isEqualTo(other);
        }
        assertThat(steps).as("two, one and one").containsExactly(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
    }
}
