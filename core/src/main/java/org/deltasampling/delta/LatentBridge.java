package org.deltasampling.delta;

import org.deltasampling.tensor.Latent;

/**
 * Between the target's latents and a source's (docs/method.md 2): carries denoised latents and noise to the source, differences
 * of denoised latents back. All latents are in their models' scaled units.
 */
public interface LatentBridge {

    /** For models that share an autoencoder: their latents are the same ones. */
    LatentBridge SAME = scaled(1, 0);

    /** The source's latent for a target's. */
    Latent toSource(Latent denoised);

    /** The source's unit noise for a target's: white if that is. */
    Latent noise(Latent noise);

    /** How much larger the source's kappa is at the same level. */
    double gain();

    /** The target's difference for two of the source's latents, {@code adapted - source}. */
    Latent back(Latent adapted, Latent source);

    /**
     * Takes the autoencoders' own units for the same, {@code x / scale + shift}: what the authors' node does, and right only
     * where the autoencoder is shared and the scale is not (docs/method.md 2.3). The same units are {@link #SAME}'s.
     */
    static LatentBridge unscaled(double targetScale, double targetShift, double sourceScale, double sourceShift) {
        return scaled(sourceScale / targetScale, (targetShift - sourceShift) * sourceScale);
    }

    /** The source's latent is {@code factor * x + offset}, uncopied where that is x; the noise and its level are left alone. */
    private static LatentBridge scaled(double factor, double offset) {
        return new LatentBridge() {
            @Override
            public Latent toSource(Latent denoised) {
                return factor == 1 && offset == 0
                        ? denoised
                        : denoised.times(factor).plus(offset);
            }

            @Override
            public Latent noise(Latent noise) {
                return noise;
            }

            @Override
            public double gain() {
                return 1;
            }

            @Override
            public Latent back(Latent adapted, Latent source) {
                Latent difference = adapted.minus(source);
                return factor == 1 ? difference : difference.times(1 / factor);
            }
        };
    }
}
