package org.deltasampling.app;

import java.nio.file.Path;
import java.util.Objects;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe.Control;
import org.deltasampling.recipe.Recipe.Span;
import org.deltasampling.recipe.RecipeText;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** One ControlNet or T2I-Adapter on the command line; its options stand together, and may be given again for another. */
final class ControlOptions {

    @Option(
            names = "--controlnet",
            paramLabel = "FILE|FOLDER",
            description =
                    "A ControlNet of the source (of the target where there is no source); may be repeated with its options.")
    @Nullable
    Path controlNet;

    @Option(names = "--t2i-adapter", paramLabel = "FILE|FOLDER", description = "The same, a T2I-Adapter.")
    @Nullable
    Path adapter;

    @Option(
            names = "--control-image",
            paramLabel = "FILE",
            description = "The image that it reads, resized to the image's size.")
    @Nullable
    Path image;

    @Option(
            names = "--control-from",
            paramLabel = "NAME",
            description = "What is made of that image first: image canny grey blur; default image, as it is.")
    @Nullable
    String from;

    @Option(names = "--control-weight", paramLabel = "X", description = "Default 1.")
    @Nullable
    Double weight;

    @Option(
            names = "--control-start",
            paramLabel = "X",
            description = "From that share of the steps on, 0 to 1; default 0.")
    @Nullable
    Double start;

    @Option(
            names = "--control-end",
            paramLabel = "X",
            description = "Up to that share of the steps, 0 to 1; default 1.")
    @Nullable
    Double end;

    @Option(names = "--guess", description = "The ControlNet acts on the conditional prediction alone (guess mode).")
    boolean guess;

    /**
     * The control that they name.
     *
     * @throws BadRecipeException if its network or its image is missing
     */
    Control control() {
        if ((controlNet == null) == (adapter == null)) {
            throw new BadRecipeException(
                    "a control is one network: give --controlnet or --t2i-adapter before its options");
        }
        if (image == null) {
            throw new BadRecipeException((controlNet == null ? "--t2i-adapter" : "--controlnet")
                    + " needs --control-image, the image that it reads");
        }
        return new Control(
                controlNet == null ? Control.Network.T2I_ADAPTER : Control.Network.CONTROLNET,
                Objects.requireNonNull(controlNet == null ? adapter : controlNet),
                image,
                from == null ? Control.From.IMAGE : RecipeText.controlFrom(from),
                weight == null ? 1 : weight,
                new Span(start == null ? 0 : start, end == null ? 1 : end),
                guess);
    }
}
