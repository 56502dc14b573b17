package org.deltasampling.app;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.deltasampling.bridge.BridgeFile;
import org.deltasampling.bridge.BridgeFit;
import org.deltasampling.bridge.Explained;
import org.deltasampling.file.WholeFile;
import org.deltasampling.pipeline.BridgeFitting;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.weights.SafetensorsWriter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code bridge}: between the latents of models with different autoencoders. */
@Command(
        name = "bridge",
        description = "Fits bridges between the latents of models with different autoencoders.",
        mixinStandardHelpOptions = true,
        versionProvider = CurrentVersion.class,
        subcommands = BridgeCommand.Fit.class)
final class BridgeCommand implements Runnable {

    @Override
    public void run() {
        throw new BadRecipeException("give 'bridge fit': it makes a file for generate's --bridge");
    }

    /** {@code bridge fit}: makes a file for {@code --bridge}. */
    @Command(
            name = "fit",
            description =
                    "Fits a bridge to images that both models encode, and says how much of the latents it explains.")
    static final class Fit extends Subcommand {

        @Option(
                names = "--from",
                paramLabel = "MODEL",
                required = true,
                description = "The model that adapters were made for.")
        Path from = Path.of("");

        @Option(names = "--to", paramLabel = "MODEL", required = true, description = "The target.")
        Path to = Path.of("");

        @Option(
                names = "--images",
                paramLabel = "FOLDER",
                description = "Of .png or .jpg files, a hundred or more; without it the models make some themselves.")
        @Nullable
        Path images;

        @Option(names = "--pictures", hidden = true, description = "Its earlier name.")
        void setPictures(Path folder) {
            images = folder;
        }

        @Option(
                names = "--count",
                paramLabel = "N",
                defaultValue = "100",
                description = "Images that the models make; default ${DEFAULT-VALUE}.")
        int count = 100;

        @Option(
                names = "--kernel",
                paramLabel = "N",
                defaultValue = "3",
                description = "1: each place by itself; 3: with its neighbours; default ${DEFAULT-VALUE}.")
        int kernel = 3;

        @Option(names = "--force", description = "Write it even if it explains less than a quarter.")
        boolean force;

        @Option(
                names = "--output",
                paramLabel = "FILE.safetensors",
                required = true,
                description = "What generate's --bridge then names.")
        Path output = Path.of("");

        @Mixin
        OverwriteOption overwrite = new OverwriteOption();

        @Override
        void run() {
            OutputOptions.demandEnding(output, ".safetensors", "the bridge");
            overwrite.require(output, SafetensorsWriter::wrote);
            WholeFile.refuseInput(output, List.of(from, to));
            WholeFile.check(output);
            if (images != null && !Files.isDirectory(images)) {
                throw new BadRecipeException(images + " is not a folder: give one of .png and .jpg files");
            }
            try (Progress progress = Progress.of(line());
                    BridgeFitting fitting = new BridgeFitting(from, to, kernel)) {
                if (images == null) {
                    fitting.addGenerated(count, progress);
                } else {
                    fitting.addAll(images, progress);
                }
                BridgeFile bridge = fitting.fit();
                progress.close();
                describe("the source's channels from the target's", bridge.fit().explainedThere());
                describe("the target's channels from the source's", bridge.fit().explainedBack());
                judge(bridge.fit(), progress);
                bridge.write(output);
                progress.wrote(output);
            }
        }

        private void describe(String what, Explained explained) {
            String channels = explained.channels().stream()
                    .map(channel -> String.format(Locale.ROOT, "%.2f", channel))
                    .collect(Collectors.joining(" "));
            out().println("R-squared on images held out, %s: %s; whole: %s"
                    .formatted(what, channels, String.format(Locale.ROOT, "%.2f", explained.whole())));
        }

        private void judge(BridgeFit fit, Progress progress) {
            if (!(fit.explained() >= BridgeFit.USELESS) && !force) {
                throw new BadRecipeException(
                        "the bridge explains only %s of the latents, less than %s, and is not written: give more and other images, --kernel 3, or --force"
                                .formatted(String.format(Locale.ROOT, "%.2f", fit.explained()), BridgeFit.USELESS));
            }
            fit.concern().ifPresent(concern -> progress.warning("the bridge " + concern));
        }
    }
}
