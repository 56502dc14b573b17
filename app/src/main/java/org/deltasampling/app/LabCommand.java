package org.deltasampling.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.Consumer;
import org.deltasampling.file.WholeFile;
import org.deltasampling.lab.Training;
import org.deltasampling.recipe.BadRecipeException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code lab}: the demo models' workshop. */
@Command(
        name = "lab",
        description = "Trains the demo models.",
        mixinStandardHelpOptions = true,
        versionProvider = CurrentVersion.class,
        subcommands = LabCommand.Train.class)
final class LabCommand implements Runnable {

    @Override
    public void run() {
        throw new BadRecipeException("give 'lab train': it makes the demo models again");
    }

    /** {@code lab train}: makes the demo models again, from a seed. */
    @Command(
            name = "train",
            description = "Makes the demo models again; takes some hours. What is there already is not made twice.")
    static final class Train extends Subcommand {

        @Option(
                names = "--output",
                paramLabel = "FOLDER",
                defaultValue = "lab-models",
                description = "Receives models, checkpoints and train.log; default ${DEFAULT-VALUE}.")
        Path folder = Path.of("lab-models");

        @Option(
                names = "--only",
                paramLabel = "MODEL",
                description =
                        "Makes only this one of ${COMPLETION-CANDIDATES}, from those before it in the same folder;"
                                + " two processes can so make two of them side by side.")
        Training.@Nullable Stage only;

        @Option(names = "--seed", paramLabel = "N", defaultValue = "0", description = "Default 0.")
        long seed;

        @Override
        void run() {
            WholeFile.folder(folder);
            Consumer<String> log = line -> {
                out().println(line);
                keep(line);
            };
            if (only == null) {
                Training.run(folder, seed, log);
            } else {
                Training.run(only, folder, seed, log);
            }
        }

        private void keep(String line) {
            try {
                Files.writeString(
                        folder.resolve("train.log"),
                        line + System.lineSeparator(),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.APPEND);
            } catch (IOException e) {
                throw new UncheckedIOException("train.log cannot be written", e);
            }
        }
    }
}
