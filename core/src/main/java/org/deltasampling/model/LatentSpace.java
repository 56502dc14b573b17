package org.deltasampling.model;

import org.deltasampling.tensor.Latent;

/**
 * The space that an autoencoder's latents live in; a model's scaled units are {@code (z - shift) * scale}.
 *
 * @param channels channels of a latent
 * @param downscale pixels per latent element along each side
 * @param scale what brings the autoencoder's latents to about unit variance
 * @param shift subtracted before scaling, 0 for SD-1 and SD-2
 */
public record LatentSpace(long channels, long downscale, double scale, double shift) {

    /** From a model's scaled units to the autoencoder's: z = x / scale + shift. */
    public Latent unscale(Latent x) {
        Latent z = x.times(1 / scale);
        return shift == 0 ? z : z.plus(shift);
    }

    /** From the autoencoder's units to a model's scaled ones: x = (z - shift) * scale. */
    public Latent rescale(Latent z) {
        return (shift == 0 ? z : z.plus(-shift)).times(scale);
    }
}
