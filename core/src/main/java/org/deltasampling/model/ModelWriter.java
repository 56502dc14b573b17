package org.deltasampling.model;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import java.util.stream.Collectors;
import org.deltasampling.file.BadFileException;
import org.deltasampling.file.SystemReason;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;

/**
 * Writes a model with changed weights as a model of its own.
 *
 * @param model of which everything else is kept
 * @param change of its weights
 */
public record ModelWriter(Checkpoint model, Change change) {

    /** What becomes of the weights of a part, by its name in {@link Checkpoint#parts}, under the same names. */
    @FunctionalInterface
    public interface Change {
        WeightSource of(String part, WeightSource weights);
    }

    /**
     * Writes one file in the original layout, as other programs read it; it appears whole or not at all.
     *
     * @throws org.deltasampling.weights.BadWeightsException if the model lacks its autoencoder or a text encoder
     * @throws BadFileException if it cannot be written
     */
    public void file(Path file) {
        model.requireWhole();
        SafetensorsWriter.write(file, model.inOriginalLayout(change::of), Map.of());
    }

    /**
     * Writes a diffusers folder, one file for the weights of each part and copies of all else; it appears whole or not at all.
     *
     * @param folder which must not be there
     * @throws BadFileException if it is there or cannot be written, or if the model is no such folder itself
     */
    public void folder(Path folder) {
        if (!Files.isDirectory(model.path())) {
            throw new BadFileException(
                    "%s is one file, and only a diffusers folder can become a folder: name a .safetensors file as the output"
                            .formatted(model.path()));
        }
        if (Files.exists(folder)) {
            throw new BadFileException(folder + " is there already: name another folder, or take it away");
        }
        model.requireWhole();
        Path whole = folder.toAbsolutePath().normalize();
        Path beginning = whole.resolveSibling(whole.getFileName() + ".part");
        try {
            copyAllButWeights(model.path(), beginning);
            model.parts().forEach((name, part) -> {
                boolean text = name.startsWith("text_encoder");
                String file = (text ? PartFolder.TEXT : PartFolder.DIFFUSION) + ".safetensors";
                SafetensorsWriter.write(
                        beginning.resolve(name).resolve(file), inFileNames(change.of(name, part.weights())), Map.of());
            });
            Files.move(beginning, whole);
        } catch (IOException e) {
            delete(beginning);
            throw new BadFileException("%s cannot be written: %s".formatted(folder, SystemReason.of(e)), e);
        } catch (RuntimeException e) {
            delete(beginning);
            throw e;
        }
    }

    private static WeightSource inFileNames(WeightSource weights) {
        return WeightSources.renamed(
                weights, weights.names().stream().collect(Collectors.toMap(weights::nameInFile, name -> name)));
    }

    private static void copyAllButWeights(Path from, Path to) throws IOException {
        Files.walkFileTree(from, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes)
                    throws IOException {
                Files.createDirectories(to.resolve(from.relativize(directory)));
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                if (!isWeights(file.getFileName().toString())) {
                    Files.copy(file, to.resolve(from.relativize(file)));
                }
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static boolean isWeights(String name) {
        return name.matches("(?i).*\\.(safetensors|bin|ckpt|pt|pth|msgpack|onnx)(\\.index(\\..*)?\\.json)?");
    }

    private static void delete(Path folder) {
        try {
            if (Files.exists(folder)) {
                Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                        Files.delete(file);
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult postVisitDirectory(Path directory, IOException failure) throws IOException {
                        Files.delete(directory);
                        return FileVisitResult.CONTINUE;
                    }
                });
            }
        } catch (IOException e) { // what was said before matters more
            return;
        }
    }
}
