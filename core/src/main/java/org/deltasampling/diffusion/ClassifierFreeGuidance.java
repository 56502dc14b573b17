package org.deltasampling.diffusion;

import org.deltasampling.tensor.Latent;

/**
 * Classifier-free guidance, {@code unconditional + scale * (conditional - unconditional)}, taken on denoised latents
 * (science.md 3). At scale 1 only {@code conditional} is evaluated, at scale 0 only {@code unconditional}.
 */
public record ClassifierFreeGuidance(Denoiser conditional, Denoiser unconditional, double scale) implements Denoiser {

    @Override
    public Latent denoise(Latent x, NoiseLevel n) {
        if (scale == 1) {
            return conditional.denoise(x, n);
        }
        Latent away = unconditional.denoise(x, n);
        return scale == 0 ? away : guided(conditional.denoise(x, n), away, scale);
    }

    /** The guidance itself, for who has both predictions already. */
    public static Latent guided(Latent conditional, Latent unconditional, double scale) {
        return unconditional.plus(scale, conditional.minus(unconditional));
    }
}
