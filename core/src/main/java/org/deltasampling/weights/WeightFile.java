package org.deltasampling.weights;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.file.BadFileException;
import org.deltasampling.file.FileStamp;
import org.deltasampling.file.SystemReason;

/**
 * A file of named tensors, safetensors or one of PyTorch's, whatever its name; open until {@link #close}. What was loaded before stays valid. Weights in
 * scaled float8 are what they stand for, in float32.
 *
 * <p>The file must not be written to meanwhile. Each load first looks whether it was, since what is mapped and no longer there
 * ends the virtual machine; a file that is made shorter after that look, while its tensors are in use, still does so.
 */
public final class WeightFile implements WeightSource, AutoCloseable {

    private final Path path;
    private final FileStamp stamp;
    private final Container content;
    private final WeightSource weights;

    private WeightFile(Path path, FileStamp stamp, Container content, boolean scaled) {
        this.path = path;
        this.stamp = stamp;
        this.content = content;
        this.weights = scaled ? ScaledFloat8.over(content) : content;
    }

    /**
     * Opens a file and checks what it says of its tensors; none is read.
     *
     * @throws BadWeightsException if it is not a whole file of tensors, saying what it is instead
     */
    public static WeightFile open(Path path) {
        return open(path, true);
    }

    /** One of several files, in any of which the scales of its weights may be: they are left as they are. */
    static WeightFile shard(Path path) {
        return open(path, false);
    }

    private static WeightFile open(Path path, boolean scaled) {
        if (Files.isDirectory(path)) {
            throw new BadWeightsException("%s is a folder where a file of weights is wanted".formatted(path));
        }
        if (!Files.exists(path)) {
            throw new BadWeightsException("%s does not exist".formatted(path));
        }
        if (!Files.isRegularFile(path)) {
            throw new BadWeightsException("%s is a device or the like: give a file of weights".formatted(path));
        }
        try {
            FileStamp stamp = FileStamp.of(path);
            Container content = container(path);
            try {
                return new WeightFile(path, stamp, content, scaled);
            } catch (BadWeightsException e) {
                content.close();
                throw e;
            }
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(path, SystemReason.of(e)), e);
        }
    }

    /** By what is in it: a file's name may say something else. */
    private static Container container(Path path) throws IOException {
        byte[] start;
        try (InputStream in = Files.newInputStream(path)) {
            start = in.readNBytes(FileSignature.SNIFFED_BYTES);
        }
        boolean zip = FileSignature.isZip(start);
        return zip || FileSignature.isPickle(start) ? PickleFile.open(path, zip) : SafetensorsFile.open(path);
    }

    /** Where the file lies. */
    public Path path() {
        return path;
    }

    /**
     * Does nothing if the file is as it was when it was opened.
     *
     * @throws BadFileException if it was changed, replaced or deleted since
     */
    public void requireUnchanged() {
        stamp.requireUnchanged();
    }

    /** The text entries beside the tensors. */
    public Map<String, String> metadata() {
        return content.metadata();
    }

    @Override
    public Set<String> names() {
        return weights.names();
    }

    @Override
    public TensorInfo info(String name) {
        return weights.info(name);
    }

    /**
     * {@inheritDoc}
     *
     * @throws BadFileException if the file was changed since it was opened
     */
    @Override
    public Tensor load(String name) {
        requireUnchanged();
        return weights.load(name);
    }

    @Override
    public String origin() {
        return content.origin();
    }

    /** Releases the mapping of the file as soon as no loaded tensor needs it. */
    @Override
    public void close() {
        content.close();
    }
}
