package org.deltasampling.delta;

import org.deltasampling.tensor.ChannelMap;
import org.deltasampling.tensor.Latent;

/**
 * Between the target's latents and a source's (science.md 2): carries clean latents and noise to the source, differences of
 * clean latents back. All latents are in their models' scaled units.
 */
public interface LatentBridge {

    /** For models that share an autoencoder: their latents are the same ones. */
    LatentBridge SAME = scaled(1, 0);

    /** The source's latent for a target's. */
    Latent toSource(Latent clean);

    /** The source's unit noise for a target's: white if that is. */
    Latent noise(Latent noise);

    /** How much larger the source's kappa is at the same level. */
    double gain();

    /** The target's difference for two of the source's latents, {@code adapted - source}. */
    Latent back(Latent adapted, Latent source);

    /**
     * Takes the autoencoders' own units for the same, {@code x / scale + shift}: what the authors' node does, and right only
     * where the autoencoder is shared and the scale is not (science.md 2.3). The same units are {@link #SAME}'s.
     */
    static LatentBridge unscaled(double targetScale, double targetShift, double sourceScale, double sourceShift) {
        return scaled(sourceScale / targetScale, (targetShift - sourceShift) * sourceScale);
    }

    /** The source's latent is {@code factor * x + offset}, uncopied where that is x; the noise and its level are left alone. */
    private static LatentBridge scaled(double factor, double offset) {
        return new LatentBridge() {
            @Override
            public Latent toSource(Latent clean) {
                return factor == 1 && offset == 0 ? clean : clean.times(factor).plus(offset);
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

    /**
     * By a map there, and one for differences back, each fitted for itself or known: the polar scheme of science.md 2.4.
     *
     * @param seed of the noise in the directions that {@code there} does not reach, which stay the same all the way
     */
    static LatentBridge linear(ChannelMap there, ChannelMap back, long seed) {
        return new LinearBridge(there, back, there.polar(), seed);
    }

    /**
     * By the colours that linear maps see in both latents, which needs no picture: colour and light at the latents'
     * resolution, and nothing else (science.md 2.2, RGB_LINEAR).
     *
     * @param targetColours the target's latents to red, green and blue
     * @param sourceColours the source's to the same
     */
    static LatentBridge colours(ChannelMap targetColours, ChannelMap sourceColours, long seed) {
        return linear(
                sourceColours.inverse().after(targetColours),
                targetColours.inverse().after(sourceColours),
                seed);
    }

    /**
     * By way of pictures: what one autoencoder decodes, the other encodes. It loses what the autoencoders lose and nothing
     * else, at the price of three decodings and three encodings a difference (science.md 2.2, VAE_ROUNDTRIP).
     *
     * @param targetPicture size of the target's pictures
     * @param sourcePicture of the source's
     * @param ofNoise carries the noise, of which there is no picture: a linear bridge, {@link #resized} where latents differ
     *     in size
     */
    static LatentBridge roundTrip(
            Autoencoder target,
            LatentSize targetPicture,
            Autoencoder source,
            LatentSize sourcePicture,
            LatentBridge ofNoise) {
        return new RoundTripBridge(target, targetPicture, source, sourcePicture, ofNoise);
    }

    /**
     * The same between latents of different size.
     *
     * @param target height and width of the target's latents
     * @param source of the source's
     */
    default LatentBridge resized(LatentSize target, LatentSize source, long seed) {
        return target.equals(source) ? this : new ResizedBridge(this, target, source, seed);
    }
}
