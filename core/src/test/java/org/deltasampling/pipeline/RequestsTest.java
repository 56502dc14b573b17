package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.deltasampling.TinyModels;
import org.deltasampling.model.ModelOverrides;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.Precision;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One pipeline for many threads, cancelling, and memory that earlier images left behind. */
class RequestsTest {

    @TempDir
    Path folder;

    private Path sd1;
    private Path sd2;

    @BeforeEach
    void makeModels() {
        sd1 = TinyModels.sd1(folder.resolve("sd1"), 1);
        sd2 = TinyModels.sd2(folder.resolve("sd2"), 2);
    }

    private static Recipe recipe(Path model, long seed) {
        return Recipe.of(model, "a cat")
                .with(Sampling.DEFAULT.steps(3).size(16, 16).seed(seed));
    }

    @Test
    void eightThreadsGetTheImagesThatOneGets() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try (Pipeline pipeline = new Pipeline();
                Pipeline alone = new Pipeline()) {
            List<CompletableFuture<float[]>> images = new ArrayList<>();
            for (int seed = 0; seed < 24; seed++) {
                Recipe recipe = recipe(seed % 2 == 0 ? sd1 : sd2, seed);
                images.add(CompletableFuture.supplyAsync(
                        () -> pipeline.generate(recipe).latents(), threads));
            }
            for (int seed = 0; seed < 24; seed++) {
                Recipe recipe = recipe(seed % 2 == 0 ? sd1 : sd2, seed);
                assertThat(images.get(seed).get())
                        .isEqualTo(alone.generate(recipe).latents());
            }
        } finally {
            threads.shutdown();
        }
    }

    @Test
    void eachRequestHasItsOwnListener() {
        List<String> first = Collections.synchronizedList(new ArrayList<>());
        List<String> second = Collections.synchronizedList(new ArrayList<>());
        try (Pipeline pipeline = new Pipeline()) {
            pipeline.generate(recipe(sd1, 0), steps(first));
            pipeline.generate(recipe(sd1, 0), steps(second));
        }
        assertThat(first).containsExactly("0/3", "1/3", "2/3", "3/3").isEqualTo(second);
    }

    private static PipelineListener steps(List<String> heard) {
        return new PipelineListener() {
            @Override
            public void step(int done, int steps) {
                heard.add(done + "/" + steps);
            }
        };
    }

    @Test
    void aCancelledImageEndsBeforeItsNextStepAndTheNextOneIsMade() {
        Cancellation cancellation = new Cancellation();
        List<Integer> heard = new ArrayList<>();
        PipelineListener listener = new PipelineListener() {
            @Override
            public void step(int done, int steps) {
                heard.add(done);
                if (done == 1) {
                    cancellation.cancel();
                }
            }
        };
        try (Pipeline pipeline = new Pipeline()) {
            assertThatThrownBy(() -> pipeline.generate(recipe(sd1, 0), listener, cancellation))
                    .isInstanceOf(CancellationException.class);
            assertThat(heard).containsExactly(0, 1);
            assertThat(pipeline.generate(recipe(sd1, 0)).width()).isEqualTo(16);
        }
    }

    @Test
    void aRequestThatWaitsCanBeCancelledAndAnInterruptCancels() throws Exception {
        try (Pipeline pipeline = new Pipeline()) {
            Cancellation cancellation = new Cancellation();
            PipelineListener waiting = new PipelineListener() {
                @Override
                public void decoding() {
                    CompletableFuture<Void> second = CompletableFuture.runAsync(
                            () -> pipeline.generate(recipe(sd2, 0), PipelineListener.NONE, cancellation));
                    cancellation.cancel();
                    assertThatThrownBy(second::join).hasCauseInstanceOf(CancellationException.class);
                }
            };
            pipeline.generate(recipe(sd1, 0), waiting);
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> pipeline.generate(recipe(sd1, 0))).isInstanceOf(CancellationException.class);
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void aListenerThatAsksItsOwnPipelineIsRefused() {
        try (Pipeline pipeline = new Pipeline()) {
            PipelineListener asking = new PipelineListener() {
                @Override
                public void decoded() {
                    pipeline.generate(recipe(sd1, 0));
                }
            };
            assertThatThrownBy(() -> pipeline.generate(recipe(sd1, 0), asking))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("another thread");
        }
    }

    @Test
    void aClosedPipelineSaysSo() {
        Pipeline pipeline = new Pipeline();
        pipeline.close();
        pipeline.close();
        assertThatThrownBy(() -> pipeline.generate(recipe(sd1, 0)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("this pipeline is closed");
    }

    @Test
    void whatEarlierImagesLeftIsPartOfThePlan() {
        List<MemoryPlan> plans = new ArrayList<>();
        List<String> loaded = new ArrayList<>();
        PipelineListener listener = new PipelineListener() {
            @Override
            public void plan(MemoryPlan plan) {
                plans.add(plan);
            }

            @Override
            public void loading(Path model) {
                loaded.add(model.getFileName().toString());
            }
        };
        try (Pipeline pipeline = new Pipeline()) {
            pipeline.generate(recipe(sd1, 0), listener);
            pipeline.generate(recipe(sd2, 0), listener);
            pipeline.generate(recipe(sd1, 0), listener);
        }
        assertThat(plans).hasSize(3);
        assertThat(kept(plans.get(0))).isZero();
        assertThat(kept(plans.get(1))).isPositive();
        assertThat(loaded).containsExactly("sd1", "sd2");
    }

    @Test
    void whatDoesNotFitBesideIsReleasedTheOldestFirstAndAdaptedModelsBeforeTheirBase() {
        long[] latents = {1, 4, 8, 8};
        ModelCache.Use use = new ModelCache.Use(ModelOverrides.NONE, Precision.FLOAT32, Device.CPU);
        Lora lora = new Lora(TinyModels.lora(folder.resolve("lora.safetensors"), sd1, 3), 1);
        try (ModelCache cache = new ModelCache()) {
            Model adapted = cache.open(sd1, sd1, List.of(lora), use);
            Model base = cache.open(sd1, sd1, List.of(), use);
            Model other = cache.open(sd2, sd2, List.of(), use);
            List.of(adapted, base, other).forEach(model -> model.load(path -> {}));
            Set<Model> used = ModelCache.withBases(List.of(other));
            long both = cache.residentBytes(used);
            assertThat(both).isEqualTo(adapted.residentBytes() + base.residentBytes());

            long all = MemoryBudget.estimate(0, 1, cache, other, List.of(other), List.of(), latents, 2)
                    .peak();
            MemoryBudget tight = new MemoryBudget(0, OptionalLong.of(all - 1));
            tight.plan(cache, other, List.of(other), List.of(), latents, 2);
            assertThat(adapted.residentBytes()).isZero();
            assertThat(base.residentBytes()).as("it fits now").isPositive();

            MemoryBudget none = new MemoryBudget(0, OptionalLong.of(all - both));
            none.plan(cache, other, List.of(other), List.of(), latents, 2);
            assertThat(base.residentBytes()).isZero();
            assertThat(other.residentBytes()).isPositive();
        }
    }

    private static long kept(MemoryPlan plan) {
        return plan.phases().get(1).parts().stream()
                .filter(part -> part.what().equals("models of earlier images"))
                .mapToLong(MemoryPlan.Part::bytes)
                .sum();
    }
}
