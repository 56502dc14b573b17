package org.deltasampling.app;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.deltasampling.file.PathText;
import org.deltasampling.file.WholeFile;
import org.deltasampling.pipeline.Merging;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.RecipeText;
import org.deltasampling.weights.SafetensorsWriter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code merge}: bakes LoRAs and LyCORIS into a model. */
@Command(name = "merge", description = "Bakes LoRAs and LyCORIS into a model, for other programs or for comparison.")
final class MergeCommand extends Subcommand {

    private static final String FILE = ".safetensors";

    @Option(names = "--model", paramLabel = "MODEL", required = true, description = "What they are baked into.")
    Path model = Path.of("");

    @Option(
            names = "--lora",
            paramLabel = "FILE[:WEIGHT]",
            required = true,
            description = "A LoRA or LyCORIS of that model; may be repeated.")
    List<String> loras = new ArrayList<>();

    @Option(
            names = "--precision",
            paramLabel = "NAME",
            description = "float32 or bfloat16; default: as the model's files have each weight.")
    @Nullable
    String precision;

    @Option(
            names = "--output",
            paramLabel = "FILE.safetensors|FOLDER",
            required = true,
            description =
                    "One file in the original layout, or a folder as diffusers writes it, which must not be there.")
    Path output = Path.of("");

    @Mixin
    OverwriteOption overwrite = new OverwriteOption();

    @Override
    void run() {
        List<Lora> adapters = loras.stream()
                .map(text -> RecipeText.lora(text, name -> PathText.parse(name, Path.of(""))))
                .toList();
        if (output.toString().isBlank()) {
            throw new BadRecipeException("--output must name a file or a folder");
        }
        if (output.toString().endsWith(FILE)) {
            List<Path> inputs = new ArrayList<>(List.of(model));
            adapters.forEach(lora -> inputs.add(lora.file()));
            WholeFile.refuseInput(output, inputs);
            overwrite.require(output, SafetensorsWriter::wrote);
            WholeFile.check(output);
        }
        try (Progress progress = Progress.of(line())) {
            Merging.merge(model, adapters, precision == null ? null : RecipeText.precision(precision), output)
                    .forEach(progress::warning);
            progress.wrote(output);
        }
    }
}
