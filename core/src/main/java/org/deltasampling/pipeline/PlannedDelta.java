package org.deltasampling.pipeline;

import org.deltasampling.recipe.Recipe.Delta;

/** One delta of a recipe, with its models and the bridge that was chosen for them. */
record PlannedDelta(Delta delta, PlannedRole source, PlannedRole adapted, Bridges.Choice bridge) {}
