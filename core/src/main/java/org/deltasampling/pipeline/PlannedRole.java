package org.deltasampling.pipeline;

import java.util.List;
import org.deltasampling.pipeline.PromptCache.Prompt;
import org.jspecify.annotations.Nullable;

/**
 * One model in its part of some images, and the prompts that its guidance is between.
 *
 * @param controls of its network, in their order
 * @param guidance for each image
 */
record PlannedRole(Model model, List<PlannedControl> controls, List<Guidance> guidance) {

    /** @param negative null: zeros in place of a text */
    record Guidance(Prompt prompt, @Nullable Prompt negative) {}

    PlannedRole {
        controls = List.copyOf(controls);
        guidance = List.copyOf(guidance);
    }
}
