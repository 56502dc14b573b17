package org.deltasampling.bridge;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.TensorInfo;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSources;

/**
 * A fitted bridge in a small safetensors file: {@code there.weight} (source channels, target channels, side, side), {@code
 * there.bias}, and {@code back.weight}, {@code back.bias} the other way; the first filters of both encoders; in its metadata
 * between which latents it is, and how much of each channel it explains.
 *
 * @param target whose latents it starts from
 * @param source to whose it leads
 */
public record BridgeFile(BridgeFit fit, AutoencoderId target, AutoencoderId source) {

    private static final String TARGET = "target";
    private static final String SOURCE = "source";
    private static final String THERE = "there";
    private static final String BACK = "back";
    private static final String EXPLAINED = ".explained";
    private static final String ENCODER = ".encoder";

    /**
     * Writes it; the file appears whole or not at all.
     *
     * @throws org.deltasampling.file.BadFileException if it cannot be written
     */
    public void write(Path file) {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put(TARGET, written(target.space()));
        metadata.put(SOURCE, written(source.space()));
        metadata.put(THERE + EXPLAINED, written(fit.explainedThere()));
        metadata.put(BACK + EXPLAINED, written(fit.explainedBack()));
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            put(tensors, THERE, fit.there());
            put(tensors, BACK, fit.back());
            tensors.put(TARGET + ENCODER, Tensor.create(target.filter()));
            tensors.put(SOURCE + ENCODER, Tensor.create(source.filter()));
            SafetensorsWriter.write(file, WeightSources.of(tensors), metadata);
        }
    }

    /**
     * Reads one.
     *
     * @throws BadWeightsException if it is no file of a bridge
     */
    public static BridgeFile read(Path file) {
        try (WeightFile tensors = WeightFile.open(file);
                TensorScope scope = TensorScope.open()) {
            Map<String, String> metadata = tensors.metadata();
            BridgeFit fit = new BridgeFit(
                    map(file, tensors, THERE),
                    map(file, tensors, BACK),
                    explained(stated(file, metadata, THERE + EXPLAINED)),
                    explained(stated(file, metadata, BACK + EXPLAINED)));
            AutoencoderId target = encoding(file, tensors, TARGET);
            AutoencoderId source = encoding(file, tensors, SOURCE);
            if (!joins(fit.there(), target, source) || !joins(fit.back(), source, target)) {
                throw noBridge(file, "its maps are not between the latents that its metadata say");
            }
            return new BridgeFile(fit, target, source);
        } catch (NumberFormatException e) {
            throw noBridge(file, "its metadata are not the numbers of latents");
        }
    }

    /**
     * The fit for a target and a source whose latents are these, whichever of them it was made from. Autoencoders whose
     * weights are others will do where there is no doubt which is which.
     *
     * @throws BadRecipeException if it is for others; {@code file} names it
     */
    public BridgeFit between(AutoencoderId target, AutoencoderId source, Path file) {
        boolean straight =
                target.space().equals(this.target.space()) && source.space().equals(this.source.space());
        boolean turned =
                target.space().equals(this.source.space()) && source.space().equals(this.target.space());
        boolean inDoubt = straight && turned;
        if (straight && (!inDoubt || (target.isSame(this.target) && source.isSame(this.source)))) {
            return fit;
        }
        if (turned && (!inDoubt || (target.isSame(this.source) && source.isSame(this.target)))) {
            return fit.reversed();
        }
        if (inDoubt) {
            throw new BadRecipeException(
                    "%s was fitted to other autoencoders than the target's and the source's: fit one with 'bridge fit' for these models"
                            .formatted(file));
        }
        throw new BadRecipeException(
                "%s is a bridge between latents of %s and of %s, but the target's have %s and the source's %s: fit one with 'bridge fit' for these models"
                        .formatted(file, said(this.target), said(this.source), said(target), said(source)));
    }

    /** What it is between and what it is worth, for people. */
    public String description() {
        return String.format(
                Locale.ROOT,
                "from %s, R-squared %.2f, to %s, R-squared %.2f",
                said(target),
                fit.explainedBack().whole(),
                said(source),
                fit.explainedThere().whole());
    }

    private static String stated(Path file, Map<String, String> metadata, String key) {
        String value = metadata.get(key);
        if (value == null) {
            throw noBridge(file, "its metadata do not say '%s'".formatted(key));
        }
        return value;
    }

    private static AutoencoderId encoding(Path file, WeightFile tensors, String name) {
        return AutoencoderId.of(space(stated(file, tensors.metadata(), name)), tensor(file, tensors, name + ENCODER));
    }

    private static boolean joins(ChannelMap map, AutoencoderId from, AutoencoderId to) {
        return map.inputs() == from.space().channels()
                && map.outputs() == to.space().channels();
    }

    private static String said(AutoencoderId encoding) {
        LatentSpace space = encoding.space();
        return "%d channels (1/%d, scaled by %s)".formatted(space.channels(), space.downscale(), space.scale());
    }

    private static BadWeightsException noBridge(Path file, String why) {
        return new BadWeightsException(
                "%s is not a bridge between latents (%s): make one with 'bridge fit'".formatted(file, why));
    }

    private static void put(Map<String, Tensor> tensors, String name, ChannelMap map) {
        tensors.put(
                name + ".weight", Tensor.create(map.weights(), map.outputs(), map.inputs(), map.side(), map.side()));
        tensors.put(name + ".bias", Tensor.create(map.bias()));
    }

    private static ChannelMap map(Path file, WeightFile tensors, String name) {
        Tensor weights = tensor(file, tensors, name + ".weight");
        Tensor biases = tensor(file, tensors, name + ".bias");
        TensorInfo weight = tensors.info(name + ".weight");
        TensorInfo bias = tensors.info(name + ".bias");
        long[] shape = weight.shape();
        if (shape.length != 4
                || shape[2] != shape[3]
                || (shape[2] != 1 && shape[2] != 3)
                || bias.shape().length != 1
                || bias.shape()[0] != shape[0]) {
            throw noBridge(file, "'%s' is no map of channels".formatted(name));
        }
        requireFinite(file, name + ".weight", weights);
        requireFinite(file, name + ".bias", biases);
        return ChannelMap.of(weights, biases);
    }

    private static Tensor tensor(Path file, WeightFile tensors, String name) {
        if (!tensors.names().contains(name)) {
            throw noBridge(file, "it has no '%s'".formatted(name));
        }
        return tensors.load(name);
    }

    private static void requireFinite(Path file, String name, Tensor numbers) {
        if (!new Latent(numbers).isFinite()) {
            throw noBridge(file, "'%s' holds values that are not finite numbers".formatted(name));
        }
    }

    private static String written(LatentSpace space) {
        return "%d %d %s %s".formatted(space.channels(), space.downscale(), space.scale(), space.shift());
    }

    private static LatentSpace space(String text) {
        String[] parts = text.split(" ", -1);
        if (parts.length != 4) {
            throw new NumberFormatException(text);
        }
        LatentSpace space =
                new LatentSpace(Long.parseLong(parts[0]), Long.parseLong(parts[1]), number(parts[2]), number(parts[3]));
        if (space.channels() < 1 || space.downscale() < 1 || space.scale() == 0) {
            throw new NumberFormatException(text);
        }
        return space;
    }

    private static double number(String text) {
        double number = Double.parseDouble(text);
        if (!Double.isFinite(number)) {
            throw new NumberFormatException(text);
        }
        return number;
    }

    /** The whole, then each channel. */
    private static String written(Explained explained) {
        return explained.whole()
                + explained.channels().stream().map(value -> " " + value).collect(Collectors.joining());
    }

    private static Explained explained(String text) {
        List<Double> numbers =
                Arrays.stream(text.split(" ", -1)).map(BridgeFile::number).toList();
        return new Explained(numbers.subList(1, numbers.size()), numbers.get(0));
    }
}
