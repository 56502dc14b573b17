package org.deltasampling.weights;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.file.SystemReason;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.SafetensorsHeader.Entry;

/**
 * A .safetensors file, memory-mapped: a loaded tensor is a view of the mapping, or of a copy, as {@link FileBytes} has it, that
 * stays valid after {@link #close()}. Layout: 8 bytes of header length (little endian), a JSON header, the tensors.
 */
final class SafetensorsFile implements Container {

    private final Path path;
    private final FileBytes bytes;
    private final SafetensorsHeader header;

    private SafetensorsFile(Path path, FileBytes bytes, SafetensorsHeader header) {
        this.path = path;
        this.bytes = bytes;
        this.header = header;
    }

    /**
     * Opens a file and checks its header; no tensor is read.
     *
     * @throws BadWeightsException if it is not a whole safetensors file, saying what it is instead
     */
    static SafetensorsFile open(Path path) {
        try (FileChannel channel = FileChannel.open(path)) {
            FileBytes bytes = new FileBytes(path, channel.size());
            return new SafetensorsFile(path, bytes, SafetensorsHeader.read(path, channel));
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
        int alignment = FileType.of(entry.info().type()).bytes();
        return TensorScope.scopedTensor(
                () -> shaped(bytes.read(entry.begin(), entry.bytes(), alignment), entry.info()));
    }

    /** The tensor as {@link #load} gives it where the file is not mapped. */
    Tensor copied(String name) {
        Entry entry = entry(name);
        return TensorScope.scopedTensor(() -> shaped(bytes.copied(entry.begin(), entry.bytes()), entry.info()));
    }

    private static Tensor shaped(Tensor bytes, TensorInfo info) {
        return bytes.view(info.type()).view(info.shape());
    }

    private Entry entry(String name) {
        return Nearest.found(name, header.entries(), origin());
    }

    @Override
    public String origin() {
        return path.toString();
    }

    @Override
    public void close() {
        bytes.close();
    }
}
