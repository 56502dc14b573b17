package org.deltasampling.pipeline;

import org.deltasampling.pipeline.PromptCache.Prompt;
import org.jspecify.annotations.Nullable;

/**
 * One model in its part of an image, and the prompts that its guidance is between.
 *
 * @param negative null: zeros in place of a text
 */
record PlannedRole(Model model, Prompt prompt, @Nullable Prompt negative) {}
