package org.deltasampling.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import org.deltasampling.bridge.Autoencoder;
import org.deltasampling.bridge.BridgeFit;
import org.deltasampling.bridge.BridgeFitter;
import org.deltasampling.bridge.LatentBridges;
import org.deltasampling.delta.LatentBridge;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.TensorScope;

/**
 * A way between the latents of the source and those of one of its targets.
 *
 * @param explained how much of the latents a fitted one explains on images that it was not fitted to, of both ways the worse
 */
record Bridge(String name, LatentBridge map, OptionalDouble explained) {

    /** The name of the one that is fitted with the neighbours of each place. */
    static final String NEIGHBOURS = "linear 3x3";

    private static final int BATCHES = 20;
    private static final int BATCH = 16;
    private static final PixelSize IMAGE = new PixelSize(Drawing.SIZE, Drawing.SIZE);

    /** For a target with the source's autoencoder. */
    static final Bridge SHARED = unfitted("same autoencoder", LatentBridge.SAME);

    /**
     * For a target with another autoencoder: fitted with the neighbours, fitted without, by way of images, and, where there
     * are as many channels, taking the latents for the same. The one to use is first: that with the neighbours, or where it
     * is poor, the one by way of images, which takes three times as long.
     *
     * @param seed of the images that they are fitted to, drawn in all styles, and of the noise in missing channels
     */
    static List<Bridge> between(Painter target, Painter source, long seed) {
        int there = (int) target.latentSpace().channels();
        int here = (int) source.latentSpace().channels();
        BridgeFitter neighbours = new BridgeFitter(there, here, 3);
        BridgeFitter alone = new BridgeFitter(there, here, 1);
        Autoencoder ofTarget = target.autoencoder();
        Autoencoder ofSource = source.autoencoder();
        SplittableRandom random = new SplittableRandom(seed);
        try (Images images = Images.draw(
                BATCHES * BATCH, () -> Drawing.random(Drawing.Domain.TARGET, random), List.of(Style.values()))) {
            for (int i = 0; i < BATCHES; i++) {
                try (TensorScope scope = TensorScope.open()) {
                    ImageTensor some = new ImageTensor(images.range(i * BATCH, BATCH));
                    Latent targets = ofTarget.encode(some);
                    Latent sources = ofSource.encode(some);
                    neighbours.add(targets, sources);
                    alone.add(targets, sources);
                }
            }
        }
        BridgeFit wide = neighbours.fit();
        BridgeFit narrow = alone.fit();
        List<Bridge> all = new ArrayList<>();
        all.add(fitted(NEIGHBOURS, wide, seed));
        all.add(fitted("linear 1x1", narrow, seed));
        all.add(
                wide.concern().isPresent() ? 0 : all.size(),
                unfitted(
                        "round trip", LatentBridges.roundTrip(ofTarget, IMAGE, ofSource, IMAGE, narrow.ofNoise(seed))));
        if (there == here) {
            all.add(unfitted("identity", LatentBridge.SAME));
        }
        return all;
    }

    private static Bridge fitted(String name, BridgeFit fit, long seed) {
        return new Bridge(name, fit.bridge(seed), OptionalDouble.of(fit.explained()));
    }

    private static Bridge unfitted(String name, LatentBridge map) {
        return new Bridge(name, map, OptionalDouble.empty());
    }
}
