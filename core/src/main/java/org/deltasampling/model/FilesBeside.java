package org.deltasampling.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.deltasampling.weights.BadWeightsException;

/**
 * Files that belong to a checkpoint and lie near it: in its folder, in a folder {@code text_encoders} or {@code clip} there,
 * as in Stability's repositories, or in such a folder beside its own, as in ComfyUI's {@code models}.
 */
record FilesBeside(Path checkpoint) {

    private static final List<String> FOLDERS = List.of("", "text_encoders", "clip", "../text_encoders", "../clip");

    /** The first .safetensors file whose name begins with {@code stem}. */
    Optional<Path> weights(String stem) {
        return folders()
                .flatMap(folder -> list(folder).stream())
                .filter(file -> {
                    String name = file.getFileName().toString();
                    return name.startsWith(stem) && name.endsWith(".safetensors") && !file.equals(checkpoint);
                })
                .findFirst();
    }

    /** A T5 tokenizer: a folder {@code tokenizer_3}, or one of its files. */
    Optional<Path> t5Tokenizer() {
        return folders()
                .flatMap(folder -> Stream.of("tokenizer_3", "spiece.model", "tokenizer.json")
                        .map(folder::resolve))
                .filter(Files::exists)
                .findFirst();
    }

    private Stream<Path> folders() {
        Path parent = checkpoint.toAbsolutePath().normalize().getParent();
        return parent == null
                ? Stream.of()
                : FOLDERS.stream().map(f -> parent.resolve(f).normalize()).filter(Files::isDirectory);
    }

    private static List<Path> list(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(folder, e.getMessage()), e);
        }
    }
}
