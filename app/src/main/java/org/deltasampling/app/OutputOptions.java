package org.deltasampling.app;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.RecipeFile.Output;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say where images and latents go. */
final class OutputOptions {

    @Option(names = "--output", paramLabel = "FILE.png", description = "The image; a batch is numbered FILE-1.png, ...")
    @Nullable
    Path image;

    @Option(
            names = "--latents",
            paramLabel = "FILE.safetensors",
            description = "Also write the final latents, in the model's scaled units, under the key 'latents'.")
    @Nullable
    Path latents;

    /**
     * {@code base} with the given options on top.
     *
     * @throws BadRecipeException if nothing would be written, or a name has a wrong ending
     */
    Output over(Output base) {
        Output output = new Output(image == null ? base.image() : image, latents == null ? base.latents() : latents);
        if (output.image() == null && output.latents() == null) {
            throw new BadRecipeException("give a file for the image with --output FILE.png");
        }
        if (output.image() != null) {
            demandEnding(output.image(), ".png", "the image");
        }
        if (output.latents() != null) {
            demandEnding(output.latents(), ".safetensors", "latents");
        }
        return output;
    }

    /** One file an image: the output's own name, or NAME-1.png to NAME-N.png for a batch. */
    static List<Path> imageFiles(Output output, int count) {
        Path image = output.image();
        if (image == null) {
            return List.of();
        }
        String name = image.getFileName().toString();
        String stem = name.substring(0, name.length() - ".png".length());
        int digits = Integer.toString(count).length();
        List<Path> files = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            files.add(count == 1 ? image : image.resolveSibling(("%s-%0" + digits + "d.png").formatted(stem, i)));
        }
        return files;
    }

    /** Refuses a file whose name does not end in {@code ending}. */
    static void demandEnding(Path file, String ending, String what) {
        if (!String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT).endsWith(ending)) {
            throw new BadRecipeException(file + ": end the name of the file for " + what + " in " + ending);
        }
    }
}
