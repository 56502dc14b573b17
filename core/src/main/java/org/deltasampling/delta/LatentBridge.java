package org.deltasampling.delta;

import org.deltasampling.tensor.Latent;

/** Carries clean latents from the target's space to a source's, and differences of clean latents back (science.md 2.2). */
public interface LatentBridge {

    /** For models that share an autoencoder: their latents are the same ones. */
    LatentBridge SAME = new LatentBridge() {
        @Override
        public Latent toSource(Latent clean) {
            return clean;
        }

        @Override
        public Latent back(Latent difference) {
            return difference;
        }
    };

    /** The source's latent for a target's, both in their models' scaled units. */
    Latent toSource(Latent clean);

    /** The target's difference for a source's. */
    Latent back(Latent difference);

    /**
     * Takes the autoencoders' own units for the same, {@code x / scale + shift}: what the authors' node does, and right only
     * where the autoencoder is shared and the scale is not.
     */
    static LatentBridge unscaled(double targetScale, double targetShift, double sourceScale, double sourceShift) {
        if (targetScale == sourceScale && targetShift == sourceShift) {
            return SAME;
        }
        double gain = sourceScale / targetScale;
        double offset = (targetShift - sourceShift) * sourceScale;
        return new LatentBridge() {
            @Override
            public Latent toSource(Latent clean) {
                return clean.times(gain).plus(offset);
            }

            @Override
            public Latent back(Latent difference) {
                return difference.times(1 / gain);
            }
        };
    }
}
