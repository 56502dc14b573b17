package org.deltasampling.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.file.Quoted;
import org.deltasampling.file.SystemReason;
import org.deltasampling.tensor.TensorScope;

/**
 * A file of PyTorch's ({@code .pt}, {@code .pth}, {@code .ckpt}, {@code .bin}): pickled values, which {@link Unpickler} reads
 * without running anything, and beside them the numbers, which are mapped as those of {@link SafetensorsFile} are. A tensor whose
 * elements are not one after the other in the file is loaded as a contiguous copy.
 */
final class PickleFile implements Container {

    /** Tensors may be this much larger than the file: views may overlap, and elements may share their place. */
    private static final long SPARE_BYTES = 64L << 20;

    private static final int CHUNK_BYTES = 64 << 10;

    private final Path path;
    private final FileBytes bytes;
    private final Map<String, StoredBytes> storages;
    private final StateDict content;

    private PickleFile(Path path, long size, TorchArchive archive, StateDict content) {
        this.path = path;
        this.bytes = new FileBytes(path, size);
        this.storages = archive.storages();
        this.content = content;
    }

    /**
     * Opens a file and reads its pickle; no tensor is read.
     *
     * @param zip whether it is a zip archive, else of the legacy form
     * @throws BadWeightsException if it is not a whole file of tensors and plain values, or if these are more than it can hold
     */
    static PickleFile open(Path path, boolean zip) {
        try (FileChannel channel = FileChannel.open(path)) {
            long size = channel.size();
            PickleAllowance allowance = new PickleAllowance(path, size);
            TorchArchive archive =
                    zip ? TorchArchive.zip(path, channel, allowance) : TorchArchive.legacy(path, channel, allowance);
            StateDict content = StateDict.of(path, archive.value(), allowance);
            PickleFile file = new PickleFile(path, size, archive, content);
            file.requireItsNumbers(size);
            return file;
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(path, SystemReason.of(e)), e);
        }
    }

    private void requireItsNumbers(long size) {
        Set<PickledTensor> counted = new HashSet<>();
        long left = size + SPARE_BYTES;
        for (Map.Entry<String, PickledTensor> entry : content.tensors().entrySet()) {
            PickledTensor tensor = entry.getValue();
            StoredBytes stored = storages.get(tensor.storage().key());
            if (stored == null || tensor.begin() > stored.size() - tensor.bytes()) {
                throw new BadWeightsException(
                        "%s is damaged: the numbers of %s are not all there; download or copy it again"
                                .formatted(path, Quoted.of(entry.getKey())));
            }
            // A view of the mapping takes no memory of its own, however many names it has; what lies before is inflated
            // too.
            boolean mapped = tensor.isContiguous() && !stored.deflated();
            if (!mapped || counted.add(tensor)) {
                long bytes = tensor.loadedBytes() + (stored.deflated() ? tensor.begin() : 0);
                left -= Math.min(bytes, left + 1);
            }
            if (left < 0) {
                throw new BadWeightsException(
                        "%s is damaged or hostile: its tensors are far larger than the file; get the file from its source again"
                                .formatted(path));
            }
        }
    }

    @Override
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(content.metadata());
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(content.tensors().keySet());
    }

    @Override
    public TensorInfo info(String name) {
        return tensor(name).info();
    }

    @Override
    public Tensor load(String name) {
        PickledTensor tensor = tensor(name);
        StoredBytes stored = Nearest.found(tensor.storage().key(), storages, origin());
        return TensorScope.scopedTensor(() -> tensor.in(
                stored.deflated()
                        ? inflated(stored, tensor)
                        : bytes.read(
                                stored.begin() + tensor.begin(),
                                tensor.bytes(),
                                tensor.type().bytes())));
    }

    private PickledTensor tensor(String name) {
        return Nearest.found(name, content.tensors(), origin());
    }

    /** PyTorch does not deflate storages, but whoever packs a file again does. */
    private Tensor inflated(StoredBytes stored, PickledTensor tensor) {
        Tensor range = FileBytes.empty(tensor.bytes());
        Inflater inflater = new Inflater(true);
        try (FileChannel channel = FileChannel.open(path)) {
            ByteBuffer packed = ByteBuffer.allocate(CHUNK_BYTES);
            long read = 0;
            long written = -tensor.begin();
            while (written < tensor.bytes()) {
                if (inflater.needsInput()) {
                    packed.clear().limit((int) Math.min(CHUNK_BYTES, stored.packed() - read));
                    int more = channel.read(packed, stored.begin() + read);
                    if (more <= 0) {
                        throw new DataFormatException("it ends too early");
                    }
                    read += more;
                    inflater.setInput(packed.flip());
                }
                long wanted = written < 0 ? -written : tensor.bytes() - written;
                ByteBuffer chunk = written < 0
                        ? ByteBuffer.allocate((int) Math.min(wanted, CHUNK_BYTES))
                        : range.narrow(0, written, Math.min(wanted, CHUNK_BYTES))
                                .createBuffer();
                int count = inflater.inflate(chunk);
                if (count == 0 && (inflater.finished() || inflater.needsDictionary())) {
                    throw new DataFormatException("it ends too early");
                }
                written += count;
            }
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(path, SystemReason.of(e)), e);
        } catch (DataFormatException e) {
            throw new BadWeightsException(
                    "%s is damaged: a tensor in it cannot be decompressed; download or copy it again".formatted(path),
                    e);
        } finally {
            inflater.end();
        }
        return range;
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
