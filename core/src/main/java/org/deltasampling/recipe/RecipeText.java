package org.deltasampling.recipe;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.deltasampling.delta.LambdaSchedule;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.file.Quoted;
import org.deltasampling.recipe.Recipe.Bridge;
import org.deltasampling.recipe.Recipe.Control;
import org.deltasampling.recipe.Recipe.Embedding;
import org.deltasampling.recipe.Recipe.Levels;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Preset;
import org.deltasampling.recipe.Recipe.TensorFile;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Precision;
import org.jspecify.annotations.Nullable;

/**
 * The values of a recipe as texts, the same in a recipe file and on the command line. Each reader refuses a text that it cannot
 * read with a {@link BadRecipeException} that says what it takes; where one takes a function, that turns a file's name into its
 * path.
 */
public final class RecipeText {

    private static final String BRIDGE_FILE = ".safetensors";

    private RecipeText() {}

    /** Which variant of the method. */
    public static Preset preset(String text) {
        return Names.choose("preset", text, List.of(Preset.values()), Names::of);
    }

    /** What becomes of a difference at levels that the source does not know. */
    public static Levels levels(String text) {
        return Names.choose("level policy", text, List.of(Levels.values()), Names::of);
    }

    /** What a control's network reads of its image. */
    public static Control.From controlFrom(String text) {
        return Names.choose("control image", text, List.of(Control.From.values()), Names::of);
    }

    /** A textual inversion: a file, and perhaps after a = the word that stands for it. */
    public static Embedding embedding(String text, Function<String, Path> path) {
        int end = text.lastIndexOf('=');
        boolean named = end > 0 && !Files.exists(path.apply(text));
        return new Embedding(path.apply(named ? text.substring(0, end) : text), named ? text.substring(end + 1) : null);
    }

    /** How lambda goes over the steps. */
    static LambdaSchedule.Shape lambdaShape(String text) {
        return Names.choose("lambda schedule", text, List.of(LambdaSchedule.Shape.values()), Names::of);
    }

    /** What networks compute in: float32 or bfloat16. */
    public static Precision precision(String text) {
        return Names.choose("precision", text, List.of(Precision.FLOAT32, Precision.BFLOAT16), Names::of);
    }

    /** What a network predicts: epsilon, v, sample or flow; diffusers' v_prediction is read too. */
    public static Parameterization prediction(String text) {
        String name = text.strip().replace('_', '-');
        return name.equalsIgnoreCase(Names.of(Parameterization.V_PREDICTION))
                ? Parameterization.V_PREDICTION
                : Names.choose("prediction", name, List.of(Parameterization.values()), RecipeText::of);
    }

    /** As {@link #prediction} reads it. */
    static String of(Parameterization prediction) {
        return prediction == Parameterization.V_PREDICTION ? "v" : Names.of(prediction);
    }

    /** Where networks compute: cpu, cuda, or a certain GPU, cuda:1. */
    public static Device device(String text) {
        try {
            return Device.parse(text);
        } catch (IllegalArgumentException e) {
            throw new BadRecipeException(
                    "the device '" + Quoted.of(text) + "' is not known; there are cpu, cuda and cuda:N", e);
        }
    }

    /** The size of an image, WIDTHxHEIGHT. */
    public static PixelSize size(String text) {
        return PixelSize.parse(text)
                .orElseThrow(() -> new BadRecipeException("the size '" + Quoted.of(text)
                        + "' is not of the form WIDTHxHEIGHT, both above 0, such as 512x512"));
    }

    /** Any 64 bits: from 0 to 2^64 - 1, or below 0 as a signed number. */
    public static long seed(String text) {
        String digits = text.strip();
        try {
            return digits.startsWith("-") ? Long.parseLong(digits) : Long.parseUnsignedLong(digits);
        } catch (NumberFormatException e) {
            throw new BadRecipeException(
                    "the seed '%s' is not a whole number from 0 to 18446744073709551615".formatted(Quoted.of(text)), e);
        }
    }

    /** The name of a kind, or a fitted bridge's file, whose name ends in .safetensors. */
    public static Bridge bridge(String text, Function<String, Path> path) {
        if (text.toLowerCase(Locale.ROOT).endsWith(BRIDGE_FILE)) {
            return Bridge.of(path.apply(text));
        }
        List<Bridge.Kind> named = Arrays.stream(Bridge.Kind.values())
                .filter(kind -> kind != Bridge.Kind.FITTED)
                .toList();
        return Bridge.of(Names.choose("bridge", text, named, Names::of));
    }

    /** FILE or FILE:WEIGHT; a ':' of the file's own, as in C:\\ink.safetensors, begins no weight. */
    public static Lora lora(String text, Function<String, Path> path) {
        int colon = text.lastIndexOf(':');
        boolean drive = colon == 1 && text.matches("[A-Za-z]:[\\\\/].*");
        if (colon < 0 || drive || Files.exists(path.apply(text))) {
            return new Lora(path.apply(text), 1);
        }
        String weight = text.substring(colon + 1);
        try {
            return new Lora(path.apply(text.substring(0, colon)), Double.parseDouble(weight));
        } catch (NumberFormatException e) {
            throw new BadRecipeException(
                    "the weight '%s' of the LoRA %s must be a number"
                            .formatted(Quoted.of(weight), Quoted.of(text.substring(0, colon))),
                    e);
        }
    }

    /** FILE or FILE#KEY; a '#' that is part of an existing file's name is the file's, and nothing after the last is no key. */
    public static TensorFile tensorFile(String text, Function<String, Path> path) {
        int hash = text.lastIndexOf('#');
        if (hash < 0 || Files.exists(path.apply(text))) {
            return new TensorFile(path.apply(text), null);
        }
        String key = text.substring(hash + 1);
        return new TensorFile(path.apply(text.substring(0, hash)), key.isEmpty() ? null : key);
    }

    /** As {@link #tensorFile} reads it, under a file's name that may be another. */
    static String of(String file, @Nullable String key) {
        return key != null ? file + "#" + key : file.contains("#") ? file + "#" : file;
    }
}
