package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.adapter.SampleAdapters;
import org.deltasampling.adapter.SampleAdapters.Sample;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.SafetensorsWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Every kind of weight adapter as what a source has learned, on a target of another family. */
@ExtendWith(NoLeaks.class)
class WeightAdapterDeltaTest {

    private static final String MODULE = "unet.time_embedding.linear_2";

    @TempDir
    Path folder;

    @Test
    void changesTheTargetAndDoesNotAtWeightZero() {
        Path source = TinyModels.sd1(folder.resolve("source"), 1);
        Path target = TinyModels.of(Architecture.SD3, folder.resolve("target"), 2);
        Map<String, Path> adapters = adapters(width(source));
        assertThat(adapters).hasSizeGreaterThan(10);
        try (Pipeline pipeline = new Pipeline(Pipeline.Options.DEFAULT.withoutHashes())) {
            Recipe alone =
                    Recipe.of(target, "a cat").with(Sampling.DEFAULT.steps(2).size(16, 16));
            float[] expected = pipeline.generate(alone).latents();
            adapters.forEach((title, file) -> {
                Delta delta = Delta.of(source, new Lora(file, 1));
                assertThat(pipeline.generate(alone.plus(delta)).latents())
                        .as(title)
                        .isNotEqualTo(expected);
                Delta none = Delta.of(source, new Lora(file, 0));
                assertThat(pipeline.generate(alone.plus(none)).latents())
                        .as(title)
                        .containsExactly(expected, within(1e-4f));
            });
        }
    }

    private static long width(Path model) {
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            return checkpoint
                    .network()
                    .weights()
                    .info("time_embedding.linear_2.weight")
                    .shape()[0];
        }
    }

    /** A file for each sample, by its title. */
    private Map<String, Path> adapters(long width) {
        Map<String, Path> files = new LinkedHashMap<>();
        try (TensorScope scope = TensorScope.open()) {
            List<Sample> samples = new ArrayList<>(SampleAdapters.ofRows(width, width));
            samples.addAll(SampleAdapters.ofLayers(width, width));
            samples.add(SampleAdapters.inputDora(width, width));
            for (Sample sample : samples) {
                String title = files.size() + ", " + sample.title();
                Path file = folder.resolve(files.size() + ".safetensors");
                SafetensorsWriter.write(file, sample.named(MODULE));
                files.put(title, file);
            }
        }
        return files;
    }
}
