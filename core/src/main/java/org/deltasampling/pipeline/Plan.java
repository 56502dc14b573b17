package org.deltasampling.pipeline;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.deltasampling.pipeline.PlannedRole.Guidance;
import org.deltasampling.pipeline.PromptCache.Prompt;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.TensorFile;
import org.deltasampling.sampling.SamplingPlan;

/**
 * All that is decided of some images, which are sampled in one batch, before anything large is read.
 *
 * @param recipes of one image each, {@linkplain Recipe#isAlike alike}
 * @param sampling the sampler and its noise levels
 * @param memory for which there is room
 */
record Plan(
        List<Recipe> recipes,
        PlannedRole target,
        List<PlannedDelta> deltas,
        StartNoise start,
        SamplingPlan sampling,
        MemoryPlan memory) {

    Plan {
        recipes = List.copyOf(recipes);
        deltas = List.copyOf(deltas);
    }

    /** The first recipe: what all of them say but for prompts and seeds. */
    Recipe common() {
        return recipes.get(0);
    }

    /** Of each image's noise. */
    LongStream seeds() {
        return recipes.stream().mapToLong(recipe -> recipe.sampling().seed());
    }

    /** The target's model and those of all deltas, as often as they occur. */
    List<Model> models() {
        return roles().stream().map(PlannedRole::model).toList();
    }

    /** The networks beside theirs, each once. */
    Set<SideModel> sideModels() {
        return roles().stream()
                .flatMap(role -> role.sideModels().stream())
                .collect(Collectors.toCollection(LinkedHashSet::new));
    }

    /** All prompts, each once. */
    Set<Prompt> prompts() {
        Set<Prompt> prompts = new LinkedHashSet<>();
        for (PlannedRole role : roles()) {
            for (Guidance guidance : role.guidance()) {
                prompts.add(guidance.prompt());
                if (guidance.negative() != null) {
                    prompts.add(guidance.negative());
                }
            }
        }
        return prompts;
    }

    /** All files that determine the images. */
    Set<Path> files() {
        Set<Path> files = new LinkedHashSet<>();
        models().forEach(model -> files.addAll(model.files()));
        for (PlannedRole role : roles()) {
            role.sideModels().forEach(side -> files.addAll(side.files()));
            files.addAll(role.images());
        }
        deltas.forEach(delta -> delta.bridge().file().ifPresent(files::add));
        TensorFile noise = common().sampling().noise();
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
