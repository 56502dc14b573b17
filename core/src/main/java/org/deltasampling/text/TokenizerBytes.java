package org.deltasampling.text;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.deltasampling.weights.BadWeightsException;

/** Reads the files of tokenizers that are not JSON. */
final class TokenizerBytes {

    /** No tokenizer's file is as large. */
    private static final int MOST = 64 << 20;

    private TokenizerBytes() {}

    /**
     * The bytes of {@code file}.
     *
     * @param kind of file, for people
     * @throws BadWeightsException if it is no ordinary file, is larger than any of its kind, or cannot be read
     */
    static byte[] read(Path file, String kind) {
        if (!Files.isRegularFile(file)) {
            throw new BadWeightsException(file + " is not a file: get it again from its source");
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(MOST + 1);
            if (bytes.length > MOST) {
                throw new BadWeightsException(
                        "%s is larger than any %s: get the file again from its source".formatted(file, kind));
            }
            return bytes;
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
        }
    }
}
