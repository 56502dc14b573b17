/**
 * What a noise level is, and what can be said of a latent at one.
 *
 * <p>Start with {@link org.deltasampling.diffusion.Denoiser}, the one seam: everything that can be sampled answers with
 * the denoised latent. {@link org.deltasampling.diffusion.NoiseLevel} names a level by alpha and sigma, {@code x = alpha *
 * x0 + sigma * noise}; two models are at the same level when {@code kappa = sigma / alpha} is equal. {@link
 * org.deltasampling.diffusion.Parameterization} turns a network's output into a denoised latent and back. {@link
 * org.deltasampling.diffusion.LevelRange} is what a model calls the levels that it knows, {@link
 * org.deltasampling.diffusion.TrainedSchedule} those that a network was trained on one by one, {@link
 * org.deltasampling.diffusion.NoiseSchedule} picks those to go through, {@link
 * org.deltasampling.diffusion.SchedulerConfig} is what a model's files say of both.
 */
@NullMarked
package org.deltasampling.diffusion;

import org.jspecify.annotations.NullMarked;
