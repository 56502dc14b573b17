package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Text encoders are in memory while prompts are encoded, and not after; prompts are encoded once as long as they stay. */
@ExtendWith(NoLeaks.class)
class PromptCacheTest {

    private static final Sampling SAMPLING = Sampling.DEFAULT.steps(1).size(24, 16);

    /** Latents, noise and the like: far fewer than the tensors of a text encoder. */
    private static final int SMALL_CHANGE = 20;

    @TempDir
    Path folder;

    private Path sd1;

    /** Hears which text encoders are asked, and how much is alive when sampling begins. */
    private static final class Ear implements PipelineListener {

        private final List<Path> encoding = new ArrayList<>();
        private long alive;

        @Override
        public void encoding(Path model) {
            encoding.add(model);
        }

        @Override
        public void step(int done, int steps) {
            alive = done == 0 ? TensorScope.liveObjects() : alive;
        }
    }

    private final Ear ear = new Ear();

    @BeforeEach
    void makeModel() {
        sd1 = TinyModels.sd1(folder.resolve("sd1"), 1);
    }

    @Test
    void textEncodersAreGoneWhenSamplingBegins() {
        int network;
        int text;
        try (Checkpoint checkpoint = Checkpoint.open(sd1)) {
            network = checkpoint.network().weights().names().size();
            text = checkpoint.text().weights().names().size();
        }
        long before = TensorScope.liveObjects();
        try (Pipeline pipeline = new Pipeline()) {
            pipeline.generate(Recipe.of(sd1, "a cat").with(SAMPLING), ear);
        }
        assertThat(text).isGreaterThan(SMALL_CHANGE);
        assertThat(ear.alive - before).isBetween((long) network, (long) network + SMALL_CHANGE);
    }

    @Test
    void theSamePromptsAreEncodedOnceAndOthersAgain() {
        Recipe cat = Recipe.of(sd1, "a cat").with(SAMPLING);
        Recipe dog = Recipe.of(sd1, "a dog").with(SAMPLING);
        try (Pipeline pipeline = new Pipeline()) {
            float[] first = pipeline.generate(cat, ear).latents();
            pipeline.generate(cat.with(SAMPLING.seed(1)), ear);
            assertThat(ear.encoding).hasSize(1);
            pipeline.generate(dog, ear);
            assertThat(ear.encoding).hasSize(2);
            assertThat(pipeline.generate(cat, ear).latents()).isEqualTo(first);
            assertThat(ear.encoding).hasSize(3);
        }
    }

    @Test
    void anAdapterOfTheNetworkAloneEncodesNothingTwice() {
        Path sd2 = TinyModels.sd2(folder.resolve("sd2"), 2);
        Path lora = TinyModels.lora(folder.resolve("lora.safetensors"), sd1, 3);
        try (Pipeline pipeline = new Pipeline()) {
            pipeline.generate(
                    Recipe.of(sd2, "a cat")
                            .plus(Delta.of(sd1, new Lora(lora, 1)))
                            .with(SAMPLING),
                    ear);
        }
        assertThat(ear.encoding).containsExactly(sd2, sd1);
    }
}
