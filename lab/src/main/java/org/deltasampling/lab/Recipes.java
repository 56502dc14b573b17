package org.deltasampling.lab;

import java.util.List;
import org.deltasampling.delta.LambdaSchedule;
import org.deltasampling.lab.Prompts.Prompt;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Preset;
import org.deltasampling.recipe.Recipe.Role;
import org.deltasampling.recipe.Recipe.Sampling;

/**
 * The recipes of the demo's images.
 *
 * @param source whose adaptations are transferred
 */
record Recipes(Role source, int steps, double cfg) {

    /** The image of {@code prompt} by {@code model} alone. */
    Recipe alone(Role model, Prompt prompt) {
        Sampling sampling =
                Sampling.DEFAULT.steps(steps).cfg(cfg).seed(prompt.seed()).size(Drawing.SIZE, Drawing.SIZE);
        return new Recipe(model.with(prompt.caption()), List.of(), sampling, Preset.DEFAULT);
    }

    /** The image of {@code prompt} by {@code target} with {@code lambda} times what {@code adapted} changes in the source. */
    Recipe delta(Role target, Recipe.Bridge bridge, Role adapted, double lambda, Prompt prompt) {
        return alone(target, prompt).plus(new Delta(source, adapted, LambdaSchedule.constant(lambda)).by(bridge));
    }
}
