package org.deltasampling.bridge;

import java.util.Locale;
import java.util.Optional;
import org.deltasampling.delta.LatentBridge;
import org.deltasampling.tensor.FixedNoise;

/**
 * A linear bridge fitted to images that the autoencoders of both models have encoded, each way for itself (docs/method.md
 * 2.5).
 *
 * @param there the target's latents to the source's
 * @param back the source's to the target's
 * @param explainedThere how much of the source's latents {@code there} explains, on images that it was not fitted to
 * @param explainedBack how much of the target's {@code back} does
 */
public record BridgeFit(ChannelMap there, ChannelMap back, Explained explainedThere, Explained explainedBack) {

    /** Below, a bridge loses more than it carries: a warning is due. */
    public static final double POOR = 0.5;

    /** Below, it is not to be used unless it is asked for. */
    public static final double USELESS = 0.25;

    /** How much the worse of the two maps explains. */
    public double explained() {
        return Math.min(explainedThere.whole(), explainedBack.whole());
    }

    /** What to expect of one that explains less than {@link #POOR}, to follow "the bridge"; empty if it explains more. */
    public Optional<String> concern() {
        return explained() >= POOR
                ? Optional.empty()
                : Optional.of(String.format(
                        Locale.ROOT,
                        "explains only %.2f of the latents: expect to lose much of the adapter",
                        explained()));
    }

    /** The same for the models in each other's part. */
    public BridgeFit reversed() {
        return new BridgeFit(back, there, explainedBack, explainedThere);
    }

    /** The bridge itself; {@code rest} as in {@link LatentBridges#linear}. */
    public LatentBridge bridge(FixedNoise rest) {
        return LatentBridges.linear(there, back, rest);
    }

    /**
     * The bridge for noise beside another way for images: it turns alone. Scaled latents of both have unit variance; what
     * {@code there} shrinks by is what it does not explain, and the other way does carry that.
     */
    public LatentBridge ofNoise(FixedNoise rest) {
        return LatentBridges.linear(there.polar().rotation(), back, rest);
    }
}
