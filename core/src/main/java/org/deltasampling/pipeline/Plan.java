package org.deltasampling.pipeline;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.deltasampling.pipeline.PromptCache.Prompt;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.TensorFile;
import org.deltasampling.sampling.SamplingPlan;

/**
 * All that is decided of an image before anything large is read.
 *
 * @param recipe of one image
 * @param sampling the sampler and its noise levels
 * @param memory for which there is room
 */
record Plan(
        Recipe recipe,
        PlannedRole target,
        List<PlannedDelta> deltas,
        StartNoise start,
        SamplingPlan sampling,
        MemoryPlan memory) {

    Plan {
        deltas = List.copyOf(deltas);
    }

    /** The target's model and those of all deltas, as often as they occur. */
    List<Model> models() {
        return roles().stream().map(PlannedRole::model).toList();
    }

    /** All prompts, each once. */
    Set<Prompt> prompts() {
        Set<Prompt> prompts = new LinkedHashSet<>();
        for (PlannedRole role : roles()) {
            prompts.add(role.prompt());
            if (role.negative() != null) {
                prompts.add(role.negative());
            }
        }
        return prompts;
    }

    /** All files that determine the image. */
    Set<Path> files() {
        Set<Path> files = new LinkedHashSet<>();
        models().forEach(model -> files.addAll(model.files()));
        deltas.forEach(delta -> delta.bridge().file().ifPresent(files::add));
        TensorFile noise = recipe.sampling().noise();
        if (noise != null) {
            files.add(noise.file());
        }
        return files;
    }

    private List<PlannedRole> roles() {
        List<PlannedRole> roles = new ArrayList<>(List.of(target));
        for (PlannedDelta delta : deltas) {
            roles.add(delta.source());
            roles.add(delta.adapted());
        }
        return roles;
    }
}
