package org.deltasampling.app;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.deltasampling.file.WholeFile;
import org.deltasampling.image.Image;
import org.deltasampling.image.Provenance;
import org.deltasampling.pipeline.Pipeline;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code generate}: from options, or a recipe that options override, to images. */
@Command(
        name = "generate",
        description = "Makes images. A MODEL is a diffusers folder or a .safetensors file.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class GenerateCommand extends Subcommand {

    @Option(
            names = "--recipe",
            paramLabel = "FILE",
            description = "A recipe in YAML or JSON, or a PNG that this program made; options override it.")
    @Nullable
    Path recipeFile;

    @Mixin
    RecipeOptions options = new RecipeOptions();

    @Mixin
    MachineOptions machine = new MachineOptions();

    @Override
    void run() {
        Provenance original = recipeFile == null ? null : Provenance.read(recipeFile);
        Recipe recipe = options.over(original == null ? null : original.recipe());
        List<Path> imageFiles = imageFiles(recipe);
        imageFiles.forEach(WholeFile::check);
        Path latentsFile = recipe.output().latents();
        if (latentsFile != null) {
            demandEnding(latentsFile, ".safetensors", "latents");
            WholeFile.check(latentsFile);
        }
        try (Progress progress = Progress.of(line());
                Pipeline pipeline = new Pipeline(machine.options())) {
            if (original != null) {
                pipeline.verify(original.without(options.named()));
            }
            List<Image> images = new ArrayList<>();
            for (Recipe single : recipe.singles()) {
                Image image = pipeline.generate(single, progress);
                if (!imageFiles.isEmpty()) {
                    Path file = imageFiles.get(images.size());
                    image.write(file);
                    progress.wrote(file);
                }
                images.add(image);
            }
            if (latentsFile != null) {
                Image.writeLatents(latentsFile, images);
                progress.wrote(latentsFile);
            }
        }
    }

    /** One file an image: the output's own name, or NAME-1.png to NAME-N.png for a batch. */
    private static List<Path> imageFiles(Recipe recipe) {
        Path image = recipe.output().image();
        if (image == null && recipe.output().latents() == null) {
            throw new BadRecipeException("give a file for the image with --output FILE.png");
        }
        if (image == null) {
            return List.of();
        }
        String name = demandEnding(image, ".png", "the image");
        int count = recipe.sampling().batch();
        List<Path> files = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            files.add(count == 1 ? image : image.resolveSibling(numbered(name, i, count)));
        }
        return files;
    }

    private static String numbered(String name, int i, int count) {
        int digits = Integer.toString(count).length();
        return ("%s-%0" + digits + "d.png").formatted(name.substring(0, name.length() - 4), i);
    }

    /** The name of {@code file}, which is refused without that ending. */
    static String demandEnding(Path file, String ending, String what) {
        String name = file.getFileName().toString();
        if (!name.toLowerCase(Locale.ROOT).endsWith(ending)) {
            throw new BadRecipeException(file + ": end the name of the file for " + what + " in " + ending);
        }
        return name;
    }
}
