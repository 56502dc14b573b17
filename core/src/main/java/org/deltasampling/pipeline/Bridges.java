package org.deltasampling.pipeline;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.deltasampling.bridge.BridgeFile;
import org.deltasampling.bridge.BridgeFit;
import org.deltasampling.bridge.BridgeFitter;
import org.deltasampling.bridge.ChannelMap;
import org.deltasampling.bridge.LatentBridges;
import org.deltasampling.bridge.LatentColours;
import org.deltasampling.bridge.ScaledAutoencoder;
import org.deltasampling.delta.LatentBridge;
import org.deltasampling.delta.ReferenceDenoiser;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Names;
import org.deltasampling.recipe.Recipe.Bridge;
import org.deltasampling.recipe.Recipe.Bridge.Kind;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Levels;
import org.deltasampling.tensor.FixedNoise;
import org.deltasampling.tensor.LatentSize;
import org.deltasampling.tensor.PixelSize;

/** Chooses the bridges between models' latents and builds them; tells what it chose, and what a poor one is worth. */
final class Bridges {

    /** Latents of this height and width are enough to compare or to join two autoencoders by. */
    private static final long SAMPLE = 16;

    /** How many times finer than both latents the grid may be on which noise goes from one to the other. */
    private static final long FINEST = 8;

    private final Map<List<Model>, BridgeFit> ofNoise = new HashMap<>();

    /**
     * A bridge that was decided on; what it needs is not loaded yet.
     *
     * @param bridge never {@link Kind#AUTO}
     * @param image size of the target's image
     * @param sourceImage of the source's
     */
    record Choice(Bridge bridge, Model target, PixelSize image, Model source, PixelSize sourceImage) {

        /** The file that it is read from, if any. */
        Optional<Path> file() {
            return Optional.ofNullable(bridge.file());
        }

        private LatentSize size() {
            return latents(image, target.latentSpace());
        }

        private LatentSize sourceSize() {
            return latents(sourceImage, source.latentSpace());
        }

        private static LatentSize latents(PixelSize image, LatentSpace space) {
            return new LatentSize(image.width() / space.downscale(), image.height() / space.downscale());
        }
    }

    /** What bridges of so many images need in memory in every step: those by images, two autoencoders. */
    static List<MemoryPlan.Part> inMemory(List<Choice> choices, long images) {
        return choices.stream()
                .distinct()
                .filter(choice -> choice.bridge.kind() == Kind.ROUND_TRIP)
                .flatMap(choice -> Stream.concat(
                        inMemory(choice.target, choice.size(), images),
                        inMemory(choice.source, choice.sourceSize(), images)))
                .toList();
    }

    private static Stream<MemoryPlan.Part> inMemory(Model model, LatentSize size, long images) {
        return model.device().gpu()
                ? Stream.empty()
                : model
                        .decodingInMemory(
                                new long[] {images, model.latentSpace().channels(), size.height(), size.width()})
                        .stream();
    }

    /**
     * Decides on the bridge of {@code delta}; not to be in a region.
     *
     * @param image size of the target's
     * @throws BadRecipeException if what is asked for cannot be between these models
     */
    Choice choose(Delta delta, Model target, PixelSize image, Model source, Request request) {
        Bridge bridge = delta.bridge().kind() == Kind.AUTO ? best(target, source, request) : delta.bridge();
        Choice choice = new Choice(bridge, target, image, source, sourceImage(delta, image, source));
        switch (bridge.kind()) {
            case IDENTITY, UNSCALED -> requireSameShape(choice);
            case COLOURS -> {
                colours(target, "target");
                colours(source, "source");
            }
            case FITTED -> fitted(choice);
            case ROUND_TRIP, AUTO -> {}
        }
        requireCarriedNoise(choice);
        return choice;
    }

    /**
     * The authors' own bridge.
     *
     * @throws BadRecipeException if the recipe asks for another
     * @throws org.deltasampling.diffusion.BadSamplingException if their node cannot do these models, or does them wrong
     */
    Choice reference(Delta delta, Model target, PixelSize image, Model source) {
        LatentSpace to = target.latentSpace();
        LatentSpace from = source.latentSpace();
        ReferenceDenoiser.check(from.channels(), to.channels(), source.isFlow(), target.isFlow());
        boolean itsBridge = delta.bridge().kind() == Kind.AUTO || delta.bridge().kind() == Kind.UNSCALED;
        boolean itsLevels = delta.levels() != Levels.HOLD;
        boolean itsSize = delta.sourceSize() == null || image.equals(delta.sourceSize());
        if (!itsBridge || !itsLevels || !itsSize) {
            throw new BadRecipeException(
                    "the reference preset has one bridge (unscaled), one level policy (clamp) and one size for all: leave out %s, or the preset"
                            .formatted(
                                    !itsBridge
                                            ? "deltas[].bridge"
                                            : !itsLevels ? "deltas[].levels" : "deltas[].source-size"));
        }
        Choice choice = new Choice(Bridge.of(Kind.UNSCALED), target, image, source, image);
        requireSameShape(choice);
        return choice;
    }

    private static Bridge best(Model target, Model source, Request request) {
        Kind kind;
        String reason;
        if (target.sharesAutoencoder(source, sample(target, source))) {
            kind = Kind.IDENTITY;
            reason = "source and target have the same latents";
        } else if (LatentColours.areOf(target.autoencoderConfig())
                && LatentColours.areOf(source.autoencoderConfig())
                && !target.latentSpace().equals(source.latentSpace())) {
            kind = Kind.COLOURS;
            reason = "the latents differ, and their colours are published; one made by 'bridge fit' carries more";
        } else {
            kind = Kind.ROUND_TRIP;
            reason = "the latents differ; one made by 'bridge fit' is much faster";
        }
        request.chose("bridge %s: %s".formatted(Names.of(kind), reason));
        return Bridge.of(kind);
    }

    private static PixelSize sample(Model target, Model source) {
        int side = Math.toIntExact(SAMPLE
                * Math.max(
                        target.latentSpace().downscale(), source.latentSpace().downscale()));
        return new PixelSize(side, side);
    }

    private static PixelSize sourceImage(Delta delta, PixelSize image, Model source) {
        PixelSize size = delta.sourceSize() == null ? image : delta.sourceSize();
        StartNoise.check(size, source.divisor(), "the source");
        return size;
    }

    private static void requireSameShape(Choice choice) {
        LatentSpace to = choice.target.latentSpace();
        LatentSpace from = choice.source.latentSpace();
        if (to.channels() != from.channels() || to.downscale() != from.downscale()) {
            throw new BadRecipeException(
                    "the source's latents (%d channels, 1/%d) cannot be taken for the target's (%d channels, 1/%d): give another bridge than %s"
                            .formatted(
                                    from.channels(), from.downscale(), to.channels(), to.downscale(), choice.bridge));
        }
    }

    private static void requireCarriedNoise(Choice choice) {
        LatentSize to = choice.size();
        LatentSize from = choice.sourceSize();
        if (finest(to.height(), from.height()) > FINEST || finest(to.width(), from.width()) > FINEST) {
            throw new BadRecipeException(
                    "noise cannot be carried between latents of %dx%d and of %dx%d: give deltas[].source-size in a simpler ratio to the image's %s, such as a half"
                            .formatted(to.width(), to.height(), from.width(), from.height(), choice.image));
        }
    }

    /** How many cells of the grid that fits into both a side of the one with more has for each of its own. */
    private static long finest(long a, long b) {
        long divisor = Math.min(a, b);
        while (a % divisor != 0 || b % divisor != 0) {
            divisor--;
        }
        return Math.min(a, b) / divisor;
    }

    private static ChannelMap colours(Model model, String role) {
        return LatentColours.of(model.latentSpace())
                .orElseThrow(() -> new BadRecipeException(
                        "no colours are published of the %s's latents: give another bridge than colours, such as round-trip or a file that 'bridge fit' made"
                                .formatted(role)));
    }

    private static BridgeFit fitted(Choice choice) {
        Path file = Objects.requireNonNull(choice.bridge.file());
        return BridgeFile.read(file).between(choice.target.autoencoderId(), choice.source.autoencoderId(), file);
    }

    /**
     * Builds what was chosen, of models that are loaded.
     *
     * @param noise in directions that the target's noise does not reach
     */
    LatentBridge build(Choice choice, FixedNoise noise, Request request) {
        LatentSpace to = choice.target.latentSpace();
        LatentSpace from = choice.source.latentSpace();
        return switch (choice.bridge.kind()) {
            case IDENTITY, AUTO -> sized(LatentBridge.SAME, choice, noise);
            case UNSCALED ->
                sized(LatentBridge.unscaled(to.scale(), to.shift(), from.scale(), from.shift()), choice, noise);
            case COLOURS ->
                sized(
                        LatentBridges.colours(
                                colours(choice.target, "target"), colours(choice.source, "source"), noise),
                        choice,
                        noise);
            case FITTED -> sized(worthy(fitted(choice), choice, request).bridge(noise), choice, noise);
            case ROUND_TRIP -> roundTrip(choice, noise);
        };
    }

    private static LatentBridge sized(LatentBridge bridge, Choice choice, FixedNoise noise) {
        return LatentBridges.resized(bridge, choice.size(), choice.sourceSize(), noise);
    }

    private static BridgeFit worthy(BridgeFit fit, Choice choice, Request request) {
        fit.concern().ifPresent(concern -> request.warn("the bridge %s %s".formatted(choice.bridge, concern)));
        return fit;
    }

    private LatentBridge roundTrip(Choice choice, FixedNoise noise) {
        ScaledAutoencoder target = choice.target.autoencoder();
        ScaledAutoencoder source = choice.source.autoencoder();
        BridgeFit fit = ofNoise.computeIfAbsent(
                List.of(choice.target, choice.source),
                models -> BridgeFitter.toFields(target, source, sample(choice.target, choice.source), 1, 0));
        return LatentBridges.roundTrip(
                target, choice.image, source, choice.sourceImage, sized(fit.ofNoise(noise), choice, noise));
    }
}
