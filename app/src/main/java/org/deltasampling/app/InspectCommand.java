package org.deltasampling.app;

import java.nio.file.Path;
import java.util.Objects;
import org.deltasampling.pipeline.Inspection;
import org.deltasampling.recipe.BadRecipeException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code inspect}: what a model or adapter is, without loading it; exit code 2 if it cannot be loaded. */
@Command(name = "inspect", description = "Says what a model or adapter is, and what of it is missing or unused.")
final class InspectCommand extends Subcommand {

    @Parameters(paramLabel = "FILE|FOLDER", description = "A .safetensors file or a diffusers folder.")
    @Nullable
    Path path;

    @Option(names = "--json", description = "For programs.")
    boolean json;

    @Override
    void run() {
        Inspection inspection = Inspection.of(Objects.requireNonNull(path));
        if (json) {
            out().println(inspection.toJson());
        } else if (!inspection.parts().isEmpty()) {
            out().println(inspection.toText());
        }
        String problem = inspection.problem();
        if (problem != null) {
            throw new BadRecipeException(problem);
        }
    }
}
