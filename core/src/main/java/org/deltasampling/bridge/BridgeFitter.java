package org.deltasampling.bridge;

import java.util.Objects;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;

/**
 * Fits a linear bridge to latents of the same images, one pair after the other; every fifth pair is held out, to see what
 * the fit is worth. It keeps sums alone.
 */
public final class BridgeFitter {

    /** Pairs that make a fit. */
    public static final int FEWEST = 5;

    private static final int FIELDS = 10;

    private final RidgeFit there;
    private final RidgeFit back;
    private final RidgeFit unseenThere;
    private final RidgeFit unseenBack;
    private int pairs;

    /** @param side 1: each place for itself; 3: with its neighbours */
    public BridgeFitter(int targetChannels, int sourceChannels, int side) {
        there = new RidgeFit(targetChannels, sourceChannels, side);
        back = new RidgeFit(sourceChannels, targetChannels, side);
        unseenThere = new RidgeFit(targetChannels, sourceChannels, side);
        unseenBack = new RidgeFit(sourceChannels, targetChannels, side);
    }

    /** Takes the target's latents of some image and the source's, both scaled, perhaps of different size. */
    public void add(Latent target, Latent source) {
        pairs++;
        boolean heldOut = pairs % FEWEST == 0;
        try (TensorScope scope = TensorScope.open()) {
            (heldOut ? unseenThere : there).add(target, sizedAs(target, source));
            (heldOut ? unseenBack : back).add(source, sizedAs(source, target));
        }
    }

    /**
     * The best bridge.
     *
     * @throws IllegalStateException if fewer than {@link #FEWEST} pairs were added
     */
    public BridgeFit fit() {
        if (pairs < FEWEST) {
            throw new IllegalStateException("%d pairs are fewer than %d".formatted(pairs, FEWEST));
        }
        ChannelMap mapThere = there.map();
        ChannelMap mapBack = back.map();
        return new BridgeFit(mapThere, mapBack, unseenThere.explained(mapThere), unseenBack.explained(mapBack));
    }

    /**
     * Fitted without images, to random fields of colour (docs/method.md 2.5).
     *
     * @param size of the fields, which both autoencoders can encode
     */
    public static BridgeFit toFields(Autoencoder target, Autoencoder source, PixelSize size, int side, long seed) {
        try (TensorScope scope = TensorScope.open()) {
            SeededNoise noise = new SeededNoise(seed);
            BridgeFitter fitter = null;
            for (int i = 0; i < FIELDS; i++) {
                ImageTensor field = ColourField.draw(noise, size);
                Latent there = target.encode(field);
                Latent here = source.encode(field);
                fitter = fitter == null ? new BridgeFitter(channels(there), channels(here), side) : fitter;
                fitter.add(there, here);
            }
            return Objects.requireNonNull(fitter).fit();
        }
    }

    /** {@code other} in the size of {@code like}, in which a bridge maps. */
    private static Latent sizedAs(Latent like, Latent other) {
        return other.size().equals(like.size()) ? other : other.resized(like.size());
    }

    private static int channels(Latent latent) {
        return Math.toIntExact(latent.shape()[1]);
    }
}
