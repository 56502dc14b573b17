package org.deltasampling.app;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe.IpAdapter;
import org.deltasampling.recipe.Recipe.Span;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** One IP-Adapter on the command line; its options stand together, and may be given again for another. */
final class ImagePromptOptions {

    @Option(
            names = "--ip-adapter",
            paramLabel = "FILE",
            required = true,
            description =
                    "An IP-Adapter of the source (of the target where there is no source); may be repeated with its options.")
    Path adapter = Path.of("");

    @Option(
            names = "--image-encoder",
            paramLabel = "FILE|FOLDER",
            description = "The image encoder that it was made for, such as CLIP's ViT-H.")
    @Nullable
    Path encoder;

    @Option(names = "--ip-image", paramLabel = "FILE", description = "The image that is the prompt; may be repeated.")
    List<Path> images = new ArrayList<>();

    @Option(names = "--ip-weight", paramLabel = "X", description = "Default 1.")
    @Nullable
    Double weight;

    @Option(names = "--ip-start", paramLabel = "X", description = "From that share of the steps on, 0 to 1; default 0.")
    @Nullable
    Double start;

    @Option(names = "--ip-end", paramLabel = "X", description = "Up to that share of the steps, 0 to 1; default 1.")
    @Nullable
    Double end;

    /**
     * The image prompt that they name.
     *
     * @throws BadRecipeException if its encoder or its image is missing
     */
    IpAdapter prompt() {
        if (encoder == null || images.isEmpty()) {
            throw new BadRecipeException("--ip-adapter needs %s"
                    .formatted(
                            encoder == null
                                    ? "--image-encoder, the encoder that it was made for"
                                    : "--ip-image, the image that is the prompt"));
        }
        return new IpAdapter(
                adapter,
                encoder,
                images,
                weight == null ? 1 : weight,
                new Span(start == null ? 0 : start, end == null ? 1 : end));
    }
}
