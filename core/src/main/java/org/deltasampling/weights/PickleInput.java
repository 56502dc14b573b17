package org.deltasampling.weights;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** The bytes of a pickle, of which there is a largest number. */
final class PickleInput {

    /** The pickles of the largest published checkpoints have a few MB. */
    private static final long MAX_BYTES = 64L << 20;

    private static final int LONGEST_LINE = 4096;

    private final Path path;
    private final InputStream in;
    private final byte[] line = new byte[LONGEST_LINE];
    private long position;

    /** Reads {@code in}, which should be buffered, and which the caller closes. */
    PickleInput(Path path, InputStream in) {
        this.path = path;
        this.in = in;
    }

    /** How many bytes were read. */
    long position() {
        return position;
    }

    /** One byte, unsigned. */
    int next() throws IOException {
        int next = in.read();
        if (next < 0) {
            throw truncated();
        }
        moved(1);
        return next;
    }

    /** {@code count} bytes, whose memory was taken from the allowance. */
    byte[] next(int count) throws IOException {
        byte[] bytes = in.readNBytes(count);
        if (bytes.length < count) {
            throw truncated();
        }
        moved(count);
        return bytes;
    }

    /** A whole number of {@code count} bytes, at most 8, the lowest first, not negative unless it has 8. */
    long number(int count) throws IOException {
        long number = 0;
        for (int i = 0; i < count; i++) {
            number |= (long) next() << (8 * i);
        }
        return number;
    }

    /** The text before the next line feed, as names are written. */
    String line() throws IOException {
        for (int i = 0; i < LONGEST_LINE; i++) {
            int next = next();
            if (next == '\n') {
                return new String(line, 0, i, StandardCharsets.UTF_8);
            }
            line[i] = (byte) next;
        }
        throw new BadWeightsException(
                "%s is damaged: a name in its pickle has no end; download or copy it again".formatted(path));
    }

    private void moved(long bytes) {
        position += bytes;
        if (position > MAX_BYTES) {
            throw new BadWeightsException(
                    "%s has a pickle of more than %d MB beside its tensors, which no model needs: save it as .safetensors"
                            .formatted(path, MAX_BYTES >> 20));
        }
    }

    private BadWeightsException truncated() {
        return new BadWeightsException(
                "%s is cut short: it ends in the middle of its pickle; download or copy it again".formatted(path));
    }
}
