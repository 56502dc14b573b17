package org.deltasampling.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.JsonFile;

/** Where things lie in the folder of one part of a model, as diffusers writes it. */
record PartFolder(Path path) {

    /** How the names of files with networks and autoencoders begin. */
    static final String DIFFUSION = "diffusion_pytorch_model";

    /** The same of text encoders. */
    static final String TEXT = "model";

    /** Its config.json as {@code read} takes it. */
    <C> C config(Function<JsonNode, C> read) {
        Path file = file("config.json");
        JsonNode json = JsonFile.read(file);
        try {
            return read.apply(json);
        } catch (BadWeightsException e) {
            throw new BadWeightsException("%s: %s".formatted(file, e.getMessage()), e);
        }
    }

    /** A file in it, which must be there. */
    Path file(String name) {
        Path file = path.resolve(name);
        if (!Files.exists(file)) {
            throw new BadWeightsException("%s is incomplete: %s/%s is missing; download or copy it again"
                    .formatted(path.resolveSibling("").toAbsolutePath().normalize(), path.getFileName(), name));
        }
        return file;
    }

    /**
     * The weights in it: one .safetensors file, or the .safetensors.index.json of several, or where there is neither, PyTorch's own
     * .bin or .bin.index.json. A variant, such as {@code model.fp16.safetensors}, is taken where there is no file without one.
     *
     * @param stem {@link #DIFFUSION} or {@link #TEXT}
     */
    Path weights(String stem) {
        List<Path> found = Stream.concat(
                        weights(stem, ".safetensors").stream(),
                        weights(stem.equals(TEXT) ? "pytorch_" + stem : stem, ".bin").stream())
                .toList();
        if (found.isEmpty()) {
            throw new BadWeightsException(
                    "%s is incomplete: there is no %s.safetensors in %s; download or copy it again"
                            .formatted(path.resolveSibling("").toAbsolutePath().normalize(), stem, path.getFileName()));
        }
        return found.get(0);
    }

    private List<Path> weights(String stem, String ending) {
        return list(path, n -> n.startsWith(stem + ".") && (n.endsWith(ending) || isIndex(n, ending)) && !isShard(n));
    }

    /** Whether a file says which files hold the weights. */
    static boolean isIndex(String fileName) {
        return isIndex(fileName, ".safetensors") || isIndex(fileName, ".bin");
    }

    private static boolean isIndex(String fileName, String ending) {
        return fileName.contains(ending + ".index.") && fileName.endsWith(".json");
    }

    private static boolean isShard(String fileName) {
        return fileName.contains("-of-") && !isIndex(fileName);
    }

    /** The files in {@code folder} of wanted names, the shortest first: those without a variant. */
    static List<Path> list(Path folder, Predicate<String> wanted) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(p -> wanted.test(p.getFileName().toString()))
                    .sorted(Comparator.comparingInt(
                                    (Path p) -> variantLength(p.getFileName().toString()))
                            .thenComparing(Comparator.naturalOrder()))
                    .toList();
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(folder, e.getMessage()), e);
        }
    }

    private static int variantLength(String fileName) {
        return fileName.replace(".index", "")
                .replace(".json", "")
                .replace(".safetensors", "")
                .replace(".bin", "")
                .length();
    }
}
