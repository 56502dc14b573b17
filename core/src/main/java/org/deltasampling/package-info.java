/**
 * Delta Sampling: adaptations of one diffusion model, used with another while it samples.
 *
 * <p>A {@link org.deltasampling.recipe.Recipe} says what to make, a {@link org.deltasampling.pipeline.Pipeline} makes it, and an
 * {@link org.deltasampling.image.Image} is what comes out. The method itself is {@link org.deltasampling.delta.DeltaDenoiser}.
 */
@NullMarked
package org.deltasampling;

import org.jspecify.annotations.NullMarked;
