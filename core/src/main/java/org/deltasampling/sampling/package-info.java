/**
 * From noise to an image: samplers, all of them folds of a {@link org.deltasampling.diffusion.Denoiser} over a plan.
 *
 * <p>{@link org.deltasampling.sampling.SamplingPlan} finds a sampler and its numbers by name. Each sampler is a file to be
 * read on its own; {@code Euler} is the shortest. All go through the one loop of {@code SamplerState}, which calls a {@link
 * org.deltasampling.sampling.StepHook} after each step. History is part of the folded state, nothing is kept between calls.
 * All updates are built of the two solutions in {@link org.deltasampling.diffusion.Step}, in the target's own coordinates.
 */
@NullMarked
package org.deltasampling.sampling;

import org.jspecify.annotations.NullMarked;
