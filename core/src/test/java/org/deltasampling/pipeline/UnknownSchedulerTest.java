package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Sampling;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** A folder that was saved with a scheduler which is not known here: its betas and its prediction are all that is needed. */
@ExtendWith(NoLeaks.class)
class UnknownSchedulerTest {

    @TempDir
    Path folder;

    @Test
    void itRunsWithANote() throws IOException {
        Path model = TinyModels.sd1(folder.resolve("model"), 1);
        Recipe recipe = Recipe.of(model, "a cat")
                .with(Sampling.DEFAULT.sampler("dpmpp-2m").steps(2).size(16, 16));
        List<String> warnings = new ArrayList<>();
        PipelineListener listener = new PipelineListener() {
            @Override
            public void warning(String sentence) {
                warnings.add(sentence);
            }
        };
        float[] known = latents(recipe, listener);
        assertThat(warnings).isEmpty();
        Path config = model.resolve("scheduler/scheduler_config.json");
        Files.writeString(
                config,
                Files.readString(config)
                        .replace("DDIMScheduler", "DPMSolverSDEScheduler")
                        .replace("\"timestep_spacing\": \"leading\"", "\"timestep_spacing\": \"linspace\""));
        assertThat(latents(recipe, listener)).isEqualTo(known);
        assertThat(warnings).singleElement().asString().contains("DPMSolverSDEScheduler");
    }

    private static float[] latents(Recipe recipe, PipelineListener listener) {
        try (Pipeline pipeline = new Pipeline()) {
            return pipeline.generate(recipe, listener).latents();
        }
    }
}
