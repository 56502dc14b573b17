package org.deltasampling.diffusion;

import org.deltasampling.tensor.Latent;

/** The one seam: what a latent is denoised to. Guidance, delta and caching are denoisers made of denoisers. */
@FunctionalInterface
public interface Denoiser {

    /** The denoised latent (predicted x0) for {@code x} at level {@code n}, both in the model's scaled units. */
    Latent denoise(Latent x, NoiseLevel n);
}
