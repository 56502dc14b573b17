package org.deltasampling.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.deltasampling.file.WholeFile;
import org.deltasampling.image.Image;
import org.deltasampling.image.Provenance;
import org.deltasampling.pipeline.Pipeline;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.RecipeFile;
import org.deltasampling.recipe.RecipeFile.Output;
import org.deltasampling.weights.SafetensorsWriter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code generate}: from options, or a recipe that options override, to images. */
@Command(name = "generate", description = "Makes images. A MODEL is a diffusers folder or a .safetensors file.")
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
    OverwriteOption overwrite = new OverwriteOption();

    @Mixin
    MachineOptions machine = new MachineOptions();

    /** The files of a model's folder are in folders of its own, one for each part. */
    private static final int PART_DEPTH = 2;

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
        imageFiles.forEach(file -> overwrite.require(file, Image::wrote));
        imageFiles.stream().limit(1).forEach(WholeFile::check);
        try (Progress progress = Progress.of(line());
                WholeFile.@Nullable Pending latents = pending(output.latents());
                Pipeline pipeline = new Pipeline(machine.options())) {
            if (base.image != null) {
                recipe = base.image.find(recipe, folders(), options.named(), pipeline.hashes());
            }
            Set<Path> inputs = inputs(recipe);
            imageFiles.forEach(file -> WholeFile.refuseInput(file, inputs));
            if (latents != null) {
                WholeFile.refuseInput(latents.target(), inputs);
            }
            List<Image> kept = new ArrayList<>();
            List<Recipe> singles = recipe.singles();
            for (int i = 0; i < singles.size(); i++) {
                Recipe single = singles.get(i);
                Image image = imageFiles.isEmpty()
                        ? pipeline.generate(single, progress)
                        : written(imageFiles.get(i), () -> pipeline.generate(single, progress), progress);
                if (latents != null) {
                    kept.add(image);
                }
            }
            if (latents != null) {
                latents.write(Image.latents(kept));
                latents.commit();
                progress.wrote(latents.target());
            }
        }
    }

    private WholeFile.@Nullable Pending pending(@Nullable Path latents) {
        if (latents == null) {
            return null;
        }
        overwrite.require(latents, SafetensorsWriter::wrote);
        return WholeFile.open(latents);
    }

    /** Opens {@code file} before the image is made, which may take hours. */
    private static Image written(Path file, Supplier<Image> generate, Progress progress) {
        try (WholeFile.Pending pending = WholeFile.open(file)) {
            Image image = generate.get();
            pending.write(out -> out.write(image.toPng()));
            pending.commit();
            progress.wrote(file);
            return image;
        }
    }

    /** The files that are read, those in the folders of models too. */
    private Set<Path> inputs(Recipe recipe) {
        Set<Path> inputs = new LinkedHashSet<>();
        if (recipeFile != null) {
            inputs.add(recipeFile);
        }
        for (Path file : recipe.files()) {
            try (Stream<Path> inside = Files.walk(file, PART_DEPTH)) {
                inside.filter(Files::isRegularFile).forEach(inputs::add);
            } catch (IOException | UncheckedIOException e) {
                inputs.add(file); // it is not there, which reading it will say
            }
        }
        return inputs;
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
