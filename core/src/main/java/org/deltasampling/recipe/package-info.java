/**
 * What to make: {@link org.deltasampling.recipe.Recipe} is everything that determines an image, as records; {@link
 * org.deltasampling.recipe.RecipeFile} is its form as YAML or JSON.
 */
@NullMarked
package org.deltasampling.recipe;

import org.jspecify.annotations.NullMarked;
