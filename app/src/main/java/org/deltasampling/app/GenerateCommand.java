package org.deltasampling.app;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.deltasampling.file.WholeFile;
import org.deltasampling.image.Image;
import org.deltasampling.image.Provenance;
import org.deltasampling.pipeline.Pipeline;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.RecipeFile;
import org.deltasampling.recipe.RecipeFile.Output;
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

    @Option(
            names = "--models",
            paramLabel = "FOLDER",
            description = "Where the files of a PNG's recipe are looked for, by name and hash, and below it; may be"
                    + " repeated. Default: the PNG's folder and the working directory.")
    List<Path> models = new ArrayList<>();

    @Mixin
    RecipeOptions options = new RecipeOptions();

    @Mixin
    OutputOptions outputs = new OutputOptions();

    @Mixin
    MachineOptions machine = new MachineOptions();

    /**
     * What the options are put over.
     *
     * @param image null: the recipe was not read from one
     */
    private record Base(
            @Nullable Recipe recipe,
            Output output,
            @Nullable Provenance image) {}

    @Override
    void run() {
        Base base = base();
        Recipe recipe = options.over(base.recipe);
        Output output = outputs.over(base.output);
        List<Path> imageFiles =
                OutputOptions.imageFiles(output, recipe.sampling().batch());
        imageFiles.forEach(WholeFile::check);
        if (output.latents() != null) {
            WholeFile.check(output.latents());
        }
        try (Progress progress = Progress.of(line());
                Pipeline pipeline = new Pipeline(machine.options())) {
            if (base.image != null) {
                recipe = base.image.find(recipe, folders(), options.named(), pipeline.hashes());
            }
            List<Recipe> singles = recipe.singles();
            List<Image> kept = new ArrayList<>();
            for (int i = 0; i < singles.size(); i++) {
                Image image = pipeline.generate(singles.get(i), progress);
                if (!imageFiles.isEmpty()) {
                    image.write(imageFiles.get(i));
                    progress.wrote(imageFiles.get(i));
                }
                if (output.latents() != null) {
                    kept.add(image);
                }
            }
            if (output.latents() != null) {
                Image.writeLatents(output.latents(), kept);
                progress.wrote(output.latents());
            }
        }
    }

    private Base base() {
        if (recipeFile == null) {
            return new Base(null, Output.NONE, null);
        }
        if (Provenance.isImage(recipeFile)) {
            Provenance image = Provenance.read(recipeFile);
            return new Base(image.recipe(), again(recipeFile), image);
        }
        RecipeFile.Read read = RecipeFile.read(recipeFile);
        return new Base(read.recipe(), read.output(), null);
    }

    /** NAME-again.png beside it. */
    private static Output again(Path image) {
        String name = image.getFileName().toString().replaceFirst("(?i)\\.png$", "") + "-again.png";
        return new Output(image.resolveSibling(name), null);
    }

    private List<Path> folders() {
        for (Path folder : models) {
            if (!Files.isDirectory(folder)) {
                throw new BadRecipeException("--models " + folder + " is not a folder");
            }
        }
        return models.isEmpty() && recipeFile != null
                ? List.of(
                        recipeFile.toAbsolutePath().resolveSibling(""),
                        Path.of("").toAbsolutePath())
                : models;
    }
}
