package org.deltasampling.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.file.SystemReason;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.SafetensorsHeader.Entry;
import org.jspecify.annotations.Nullable;

/**
 * A .safetensors file, memory-mapped: nothing is copied into the heap, and a loaded tensor is a view of the mapping, or of a
 * copy where the system maps no file as large, that stays valid after {@link #close()}. Layout: 8 bytes of header length
 * (little endian), a JSON header, the tensors.
 */
final class SafetensorsFile implements Container {

    /** Pages once touched stay with a mapping, so a new one is made each time this much has been handed out. */
    private static final long MAPPING_BYTES = 64L << 20;

    /** Queries, keys and values are one tensor in some files, and so are their biases. */
    private static final int COPIES = 4;

    private final Path path;
    private final long size;
    private final SafetensorsHeader header;
    private @Nullable Held mapping;
    private long handedOut;
    private boolean mappable = true;

    /** By where they begin, the one that was not wanted for longest first. */
    private final Map<Long, Held> copies = new LinkedHashMap<>(2 * COPIES, 0.75f, true);

    private boolean closed;

    private SafetensorsFile(Path path, long size, SafetensorsHeader header) {
        this.path = path;
        this.size = size;
        this.header = header;
    }

    /**
     * Opens a file and checks its header; no tensor is read.
     *
     * @throws BadWeightsException if it is not a whole safetensors file, saying what it is instead
     */
    static SafetensorsFile open(Path path) {
        try (FileChannel channel = FileChannel.open(path)) {
            return new SafetensorsFile(path, channel.size(), SafetensorsHeader.read(path, channel));
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(path, SystemReason.of(e)), e);
        }
    }

    @Override
    public Map<String, String> metadata() {
        return header.metadata();
    }

    @Override
    public Set<String> names() {
        return header.entries().keySet();
    }

    @Override
    public TensorInfo info(String name) {
        return entry(name).info();
    }

    @Override
    public Tensor load(String name) {
        Entry entry = entry(name);
        return TensorScope.scopedTensor(() -> {
            torch.ScalarType type = entry.info().type();
            Tensor bytes = mapped(entry);
            return bytes.view(type).view(entry.info().shape());
        });
    }

    private Tensor mapped(Entry entry) {
        Tensor whole = mapping(entry.bytes());
        if (whole == null) {
            return copied(entry);
        }
        Tensor bytes = whole.narrow(0, entry.begin(), entry.bytes());
        boolean aligned = entry.begin() % FileType.of(entry.info().type()).bytes() == 0;
        return aligned ? bytes : bytes.clone();
    }

    /** The tensor as {@link #load} gives it where the file is not mapped. */
    Tensor copied(String name) {
        Entry entry = entry(name);
        return TensorScope.scopedTensor(
                () -> copied(entry).view(entry.info().type()).view(entry.info().shape()));
    }

    /** A copy of the file's bytes; the last few are the same ones again, for those who each take a part of a tensor. */
    private synchronized Tensor copied(Entry entry) {
        Held copy = copies.get(entry.begin());
        if (copy == null) {
            copy = Held.of(read(entry));
            copies.put(entry.begin(), copy);
            if (copies.size() > COPIES) {
                Long eldest = copies.keySet().iterator().next();
                Objects.requireNonNull(copies.remove(eldest)).close();
            }
        }
        return copy.tensor().narrow(0, 0, entry.bytes());
    }

    private Tensor read(Entry entry) {
        Tensor bytes = torch.empty(
                new long[] {entry.bytes()}, new TensorOptions(torch.ScalarType.Byte), new MemoryFormatOptional());
        try (FileChannel channel = FileChannel.open(path)) {
            for (long at = 0; at < entry.bytes(); at += MAPPING_BYTES) {
                ByteBuffer chunk = bytes.narrow(0, at, Math.min(MAPPING_BYTES, entry.bytes() - at))
                        .createBuffer();
                while (chunk.hasRemaining()) {
                    if (channel.read(chunk, entry.begin() + at + chunk.position()) < 0) {
                        throw SafetensorsHeader.truncated(path);
                    }
                }
            }
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(path, SystemReason.of(e)), e);
        }
        return bytes;
    }

    private Entry entry(String name) {
        return Nearest.found(name, header.entries(), origin());
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
    public String origin() {
        return path.toString();
    }

    @Override
    public synchronized void close() {
        closed = true;
        release();
        copies.values().forEach(Held::close);
        copies.clear();
    }
}
