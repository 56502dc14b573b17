package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.ModelOverrides;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.WeightSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What a plan counts, and that it is told before anything is loaded. */
@ExtendWith(NoLeaks.class)
class MemoryPlanTest {

    /** Whatever this machine has, so that networks are kept while images are decoded. */
    private static final Pipeline.Options AMPLE = Pipeline.Options.DEFAULT.memory(1L << 40);

    @TempDir
    Path folder;

    private Path sd1;
    private Path sd2;
    private Recipe recipe;

    /** Hears the plans, and what came after. */
    private static final class Ear implements PipelineListener {

        private final List<MemoryPlan> plans = new ArrayList<>();
        private int loads;

        @Override
        public void plan(MemoryPlan plan) {
            plans.add(plan);
        }

        @Override
        public void encoding(Path model) {
            loads++;
        }
    }

    private final Ear ear = new Ear();

    @BeforeEach
    void makeModels() {
        sd1 = TinyModels.sd1(folder.resolve("sd1"), 1);
        sd2 = TinyModels.sd2(folder.resolve("sd2"), 2);
        Path lora = TinyModels.lora(folder.resolve("lora.safetensors"), sd1, 3);
        recipe = Recipe.of(sd2, "a cat")
                .plus(Delta.of(sd1, new Lora(lora, 1)))
                .with(Sampling.DEFAULT.steps(1).size(24, 16));
    }

    private static long count(WeightSource weights, String pattern) {
        return weights.names().stream()
                .filter(name -> name.matches(pattern))
                .mapToLong(name -> weights.info(name).count())
                .sum();
    }

    private static long bytes(MemoryPlan.Phase phase, String what) {
        return phase.parts().stream()
                .filter(part -> part.what().equals(what))
                .mapToLong(MemoryPlan.Part::bytes)
                .sum();
    }

    @Test
    void weightsThatAreSharedAreCountedOnce() {
        try (Pipeline pipeline = new Pipeline(AMPLE)) {
            pipeline.generate(recipe, ear);
            pipeline.generate(recipe.with(recipe.sampling().seed(1)), ear);
        }
        assertThat(ear.plans).as("one plan a request").hasSize(2);
        List<MemoryPlan.Phase> phases = ear.plans.get(0).phases();
        assertThat(phases).extracting(MemoryPlan.Phase::name).containsExactly("text", "sampling", "decoding");
        try (Checkpoint one = Checkpoint.open(sd1);
                Checkpoint two = Checkpoint.open(sd2)) {
            WeightSource network = one.network().weights();
            assertThat(bytes(phases.get(0), "text_encoder of sd2"))
                    .isEqualTo(4 * count(two.text().weights(), ".*"));
            assertThat(bytes(phases.get(1), "network of sd1")).isEqualTo(4 * count(network, ".*"));
            assertThat(bytes(phases.get(1), "changed network of sd1"))
                    .isEqualTo(4 * count(network, ".*attn[12]\\.to_[qv]\\.weight"));
            assertThat(bytes(phases.get(2), "network of sd2"))
                    .isEqualTo(4 * count(two.network().weights(), ".*"));
            assertThat(bytes(phases.get(2), "autoencoder"))
                    .isEqualTo(4 * count(two.vae().weights(), ".*"));
        }
    }

    @Test
    void halfThePrecisionIsHalfTheNetworks() {
        try (Pipeline pipeline = new Pipeline(AMPLE)) {
            pipeline.generate(recipe.with(recipe.sampling().precision(Precision.BFLOAT16)), ear);
        }
        try (Checkpoint one = Checkpoint.open(sd1)) {
            assertThat(bytes(ear.plans.get(0).phases().get(1), "network of sd1"))
                    .isEqualTo(2 * count(one.network().weights(), ".*"));
        }
    }

    @Test
    void networksAreReleasedWhereTheImageWouldNotFitBeside() {
        long[] latents = {1, 4, 8, 12};
        try (ModelCache models = new ModelCache()) {
            Model model = models.open(
                    sd1, sd1, List.of(), new ModelCache.Use(ModelOverrides.NONE, Precision.FLOAT32, Device.CPU));
            List<Model> roles = List.of(model);
            MemoryPlan together = MemoryBudget.estimate(0, 1L << 40, models, model, roles, List.of(), latents, 2);
            long decoding = together.phases().get(2).bytes();
            MemoryPlan apart = MemoryBudget.estimate(0, decoding, models, model, roles, List.of(), latents, 2);
            assertThat(together.releasing()).isFalse();
            assertThat(apart.releasing()).isTrue();
            assertThat(apart.phases().get(2).bytes())
                    .isEqualTo(decoding - bytes(together.phases().get(2), "network of sd1"));
            model.load(path -> {});
            long loaded = TensorScope.liveObjects();
            model.release();
            assertThat(loaded - TensorScope.liveObjects()).isGreaterThan(100);
            model.load(path -> {});
            assertThat(TensorScope.liveObjects()).isEqualTo(loaded);
        }
    }

    @Test
    void whatDoesNotFitIsRefusedBeforeItIsLoaded() {
        try (Pipeline pipeline = new Pipeline(Pipeline.Options.DEFAULT.memory(1 << 20))) {
            assertThatThrownBy(() -> pipeline.generate(recipe, ear))
                    .isInstanceOf(BadRecipeException.class)
                    .hasMessageMatching(
                            "this image needs about \\d+\\.\\d\\d GiB of memory .* 0\\.00 GiB may be used.*");
        }
        assertThat(ear.loads).isZero();
    }
}
