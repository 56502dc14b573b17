package org.deltasampling.pipeline;

import org.deltasampling.recipe.Recipe.IpAdapter;

/** Images that a role sees as a prompt, with the networks for that. */
record PlannedImagePrompt(IpAdapter prompt, ImagePromptModel model) {}
