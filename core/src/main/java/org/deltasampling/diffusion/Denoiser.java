package org.deltasampling.diffusion;

import org.deltasampling.tensor.Latent;

/** The one seam: the best guess of the clean latent. Guidance, delta and caching are denoisers made of denoisers. */
@FunctionalInterface
public interface Denoiser {

    /** The expected clean latent given {@code x} at level {@code n}, both in the model's scaled units. */
    Latent denoise(Latent x, NoiseLevel n);
}
