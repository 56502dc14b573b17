package org.deltasampling.weights;

import java.nio.file.Path;

/** What reading one pickle may take of the heap; all that it makes is counted before it is made. */
final class PickleAllowance {

    /** The numbers are not in the pickle but beside it: what describes the largest published checkpoints takes a tenth. */
    private static final long SMALLEST = 48L << 20;

    /** Files of many tensors are large ones. */
    private static final long LARGEST = 256L << 20;

    private final Path path;
    private long left;

    /** For the pickle in {@code path}, a file of {@code size} bytes: no more than that and 48 MiB. */
    PickleAllowance(Path path, long size) {
        this.path = path;
        left = Math.min(LARGEST, SMALLEST + size);
    }

    /**
     * Takes {@code bytes} of it.
     *
     * @throws BadWeightsException if so much is not left
     */
    void take(long bytes) {
        if (bytes < 0 || bytes > left) {
            throw new BadWeightsException(
                    "%s is damaged or hostile: its pickle describes far more than the file holds; get the file from its source again"
                            .formatted(path));
        }
        left -= bytes;
    }
}
