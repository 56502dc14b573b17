package org.deltasampling.model.mmdit;

/**
 * How latents become tokens, and tokens become latents.
 *
 * @param size latent elements along a side of a patch
 * @param positions patches along a side of the largest image, for which the position embedding is cropped
 */
public record Patches(long inChannels, long outChannels, long size, long positions) {}
