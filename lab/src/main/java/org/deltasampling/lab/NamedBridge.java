package org.deltasampling.lab;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import org.deltasampling.bridge.BridgeFile;
import org.deltasampling.pipeline.BridgeFitting;
import org.deltasampling.recipe.Recipe.Bridge;
import org.deltasampling.recipe.Recipe.Bridge.Kind;

/**
 * A bridge between the latents of the source and those of one of its targets.
 *
 * @param explained the share of the variance of held-out latents that a fitted one explains, the lower of both directions
 */
record NamedBridge(String name, Bridge bridge, OptionalDouble explained) {

    /** The name of the fitted one with a kernel of 3x3. */
    static final String LINEAR_3X3 = "linear 3x3";

    private static final int IMAGES = 320;

    /** For a target with the source's autoencoder. */
    static final NamedBridge SHARED = unfitted("same autoencoder", Kind.IDENTITY);

    /**
     * For a target with another autoencoder: fitted with a kernel of 3x3 and of 1x1, by round trip through images, and, where
     * there are as many channels, the identity. The one to use is first: the 3x3, or where that explains little, the round
     * trip, which takes three times as long.
     *
     * @param seed of the images, in all styles, that bridges are fitted to
     * @param folder receives the files of the fitted ones, whose names begin with {@code prefix}
     */
    static List<NamedBridge> between(Path source, Path target, long seed, Path folder, String prefix) {
        BridgeFile wide = fitted(source, target, 3, seed);
        BridgeFile narrow = fitted(source, target, 1, seed);
        List<NamedBridge> all = new ArrayList<>();
        all.add(written(LINEAR_3X3, wide, folder.resolve(prefix + "-3x3.safetensors")));
        all.add(written("linear 1x1", narrow, folder.resolve(prefix + "-1x1.safetensors")));
        all.add(wide.fit().concern().isPresent() ? 0 : all.size(), unfitted("round trip", Kind.ROUND_TRIP));
        if (wide.target().space().channels() == wide.source().space().channels()) {
            all.add(unfitted("identity", Kind.IDENTITY));
        }
        return all;
    }

    private static BridgeFile fitted(Path source, Path target, int kernel, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Style[] styles = Style.values();
        try (BridgeFitting fitting = new BridgeFitting(source, target, kernel)) {
            for (int i = 0; i < IMAGES; i++) {
                fitting.add(Drawing.random(Drawing.Domain.TARGET, random).image(styles[i % styles.length]));
            }
            return fitting.fit();
        }
    }

    private static NamedBridge written(String name, BridgeFile bridge, Path file) {
        bridge.write(file);
        return new NamedBridge(
                name, Bridge.of(file), OptionalDouble.of(bridge.fit().explained()));
    }

    private static NamedBridge unfitted(String name, Kind kind) {
        return new NamedBridge(name, Bridge.of(kind), OptionalDouble.empty());
    }
}
