package org.deltasampling.bridge;

import org.deltasampling.delta.LatentBridge;
import org.deltasampling.tensor.FixedNoise;
import org.deltasampling.tensor.LatentSize;
import org.deltasampling.tensor.PixelSize;

/** The bridges between unlike latents. */
public final class LatentBridges {

    private LatentBridges() {}

    /**
     * A linear map to the source's latents, and one for differences back, each fitted by itself or known: the polar scheme of
     * docs/method.md 2.4.
     *
     * @param rest the noise in the directions that {@code there} does not reach
     */
    public static LatentBridge linear(ChannelMap there, ChannelMap back, FixedNoise rest) {
        return new LinearBridge(there, back, there.polar(), rest);
    }

    /**
     * By the colours that linear maps read off both latents, for which nothing has to be fitted: it carries colour and
     * brightness at the latents' resolution, and nothing else (docs/method.md 2.2, RGB_LINEAR).
     *
     * @param targetColours the target's latents to red, green and blue
     * @param sourceColours the source's to the same
     */
    public static LatentBridge colours(ChannelMap targetColours, ChannelMap sourceColours, FixedNoise rest) {
        return linear(
                sourceColours.inverse().after(targetColours),
                targetColours.inverse().after(sourceColours),
                rest);
    }

    /**
     * Through pixels: what one autoencoder decodes, the other encodes. It loses what the autoencoders lose and nothing
     * else, at the price of three decodings and three encodings a delta (docs/method.md 2.2, VAE_ROUNDTRIP).
     *
     * @param targetImage size of the target's images
     * @param sourceImage of the source's
     * @param ofNoise carries the noise, of which there is no image: a linear bridge, {@link #resized} where latents differ
     *     in size
     */
    public static LatentBridge roundTrip(
            Autoencoder target,
            PixelSize targetImage,
            Autoencoder source,
            PixelSize sourceImage,
            LatentBridge ofNoise) {
        return new RoundTripBridge(target, targetImage, source, sourceImage, ofNoise);
    }

    /**
     * {@code bridge} between latents of different size; itself where they have the same.
     *
     * @param target size of the target's latents
     * @param source of the source's
     * @param fixed what the bridge draws from; where the source's latents are larger, so does this, independently
     */
    public static LatentBridge resized(LatentBridge bridge, LatentSize target, LatentSize source, FixedNoise fixed) {
        return target.equals(source) ? bridge : new ResizedBridge(bridge, target, source, fixed);
    }
}
