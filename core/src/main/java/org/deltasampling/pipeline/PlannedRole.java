package org.deltasampling.pipeline;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.deltasampling.pipeline.PromptCache.Prompt;
import org.jspecify.annotations.Nullable;

/**
 * One model in its part of some images, and the prompts that its guidance is between.
 *
 * @param controls of its network, in their order
 * @param imagePrompts in their order
 * @param guidance for each image
 */
record PlannedRole(
        Model model, List<PlannedControl> controls, List<PlannedImagePrompt> imagePrompts, List<Guidance> guidance) {

    /** @param negative null: zeros in place of a text */
    record Guidance(Prompt prompt, @Nullable Prompt negative) {}

    PlannedRole {
        controls = List.copyOf(controls);
        imagePrompts = List.copyOf(imagePrompts);
        guidance = List.copyOf(guidance);
    }

    /** The networks beside its model. */
    List<SideModel> sideModels() {
        return Stream.concat(
                        controls.stream().map(PlannedControl::model),
                        imagePrompts.stream().map(PlannedImagePrompt::model))
                .map(SideModel.class::cast)
                .toList();
    }

    /** The images that it reads. */
    List<Path> images() {
        return Stream.concat(
                        controls.stream().map(one -> one.control().image()),
                        imagePrompts.stream().flatMap(one -> one.prompt().images().stream()))
                .toList();
    }
}
