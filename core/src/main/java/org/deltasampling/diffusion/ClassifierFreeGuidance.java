package org.deltasampling.diffusion;

import org.deltasampling.tensor.Latent;

/**
 * Classifier-free guidance, {@code without + scale * (with - without)}, taken on clean latents (science.md 3). At scale 1
 * only {@code with} is evaluated, at scale 0 only {@code without}.
 */
public record ClassifierFreeGuidance(Denoiser with, Denoiser without, double scale) implements Denoiser {

    @Override
    public Latent denoise(Latent x, NoiseLevel n) {
        if (scale == 1) {
            return with.denoise(x, n);
        }
        Latent unguided = without.denoise(x, n);
        return scale == 0 ? unguided : guided(with.denoise(x, n), unguided, scale);
    }

    /** The guidance itself, for who has both guesses already. */
    public static Latent guided(Latent with, Latent without, double scale) {
        return without.plus(scale, with.minus(without));
    }
}
