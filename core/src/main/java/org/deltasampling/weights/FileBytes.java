package org.deltasampling.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.file.SystemReason;
import org.deltasampling.tensor.Held;
import org.jspecify.annotations.Nullable;

/**
 * Ranges of a file as tensors of bytes: memory-mapped, so that nothing is copied into the heap, or copies where the system maps
 * no file as large. What was handed out stays valid after {@link #close()}.
 */
final class FileBytes implements AutoCloseable {

    /** Pages once touched stay with a mapping, so a new one is made each time this much has been handed out. */
    private static final long MAPPING_BYTES = 64L << 20;

    /** Queries, keys and values are one tensor in some files, and so are their biases. */
    private static final int COPIES = 4;

    private record Range(long begin, long bytes) {}

    private final Path path;
    private final long size;
    private @Nullable Held mapping;
    private long handedOut;
    private boolean mappable = true;

    /** The one that was not wanted for longest first. */
    private final Map<Range, Held> copies = new LinkedHashMap<>(2 * COPIES, 0.75f, true);

    private boolean closed;

    /** Those of {@code path}, a file of {@code size} bytes. */
    FileBytes(Path path, long size) {
        this.path = path;
        this.size = size;
    }

    /**
     * The {@code bytes} from {@code begin} on, which are in the file, to be read as numbers of {@code alignment} bytes; (bytes),
     * owned by the caller's region.
     */
    Tensor read(long begin, long bytes, int alignment) {
        Tensor whole = mapping(bytes);
        if (whole == null) {
            return copied(begin, bytes);
        }
        Tensor mapped = whole.narrow(0, begin, bytes);
        return begin % alignment == 0 ? mapped : mapped.clone();
    }

    /** A copy of the same; the last few are the same ones again, for those who each take a part of a tensor. */
    synchronized Tensor copied(long begin, long bytes) {
        Range range = new Range(begin, bytes);
        Held copy = copies.get(range);
        if (copy == null) {
            copy = Held.of(copy(begin, bytes));
            copies.put(range, copy);
            if (copies.size() > COPIES) {
                Range eldest = copies.keySet().iterator().next();
                Objects.requireNonNull(copies.remove(eldest)).close();
            }
        }
        return copy.tensor().narrow(0, 0, bytes);
    }

    private Tensor copy(long begin, long bytes) {
        Tensor copy = empty(bytes);
        try (FileChannel channel = FileChannel.open(path)) {
            for (long at = 0; at < bytes; at += MAPPING_BYTES) {
                ByteBuffer chunk =
                        copy.narrow(0, at, Math.min(MAPPING_BYTES, bytes - at)).createBuffer();
                while (chunk.hasRemaining()) {
                    if (channel.read(chunk, begin + at + chunk.position()) < 0) {
                        throw SafetensorsHeader.truncated(path);
                    }
                }
            }
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(path, SystemReason.of(e)), e);
        }
        return copy;
    }

    /** Memory for {@code bytes}. */
    static Tensor empty(long bytes) {
        return torch.empty(new long[] {bytes}, new TensorOptions(torch.ScalarType.Byte), new MemoryFormatOptional());
    }

    /** The whole file; null where the system does not map it, as Linux does not if it is larger than the memory. */
    private synchronized @Nullable Tensor mapping(long wanted) {
        if (closed) {
            throw new IllegalStateException(path + " is closed");
        }
        handedOut += wanted;
        if (mappable && (mapping == null || handedOut > MAPPING_BYTES)) {
            release();
            handedOut = wanted;
            mapping = map();
            mappable = mapping != null;
        }
        return mapping == null ? null : mapping.tensor();
    }

    private @Nullable Held map() {
        try {
            return Held.of(torch.from_file(
                    path.toString(),
                    new BoolOptional(false),
                    new LongOptional(size),
                    new TensorOptions(torch.ScalarType.Byte)));
        } catch (RuntimeException e) {
            return null; // what libtorch throws says no more than that; where the file is gone, reading says so
        }
    }

    private void release() {
        if (mapping != null) {
            mapping.close();
            mapping = null;
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        release();
        copies.values().forEach(Held::close);
        copies.clear();
    }
}
