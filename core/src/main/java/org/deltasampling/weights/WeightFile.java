package org.deltasampling.weights;

import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/** A file of named tensors, whatever its format; open until {@link #close}. What was loaded before stays valid. */
public final class WeightFile implements WeightSource, AutoCloseable {

    private final Path path;
    private final Container content;

    private WeightFile(Path path, Container content) {
        this.path = path;
        this.content = content;
    }

    /**
     * Opens a file and checks what it says of its tensors; none is read.
     *
     * @throws BadWeightsException if it is not a whole file of tensors, saying what it is instead
     */
    public static WeightFile open(Path path) {
        return new WeightFile(path, SafetensorsFile.open(path));
    }

    /** Where the file lies. */
    public Path path() {
        return path;
    }

    /** The text entries beside the tensors. */
    public Map<String, String> metadata() {
        return content.metadata();
    }

    @Override
    public Set<String> names() {
        return content.names();
    }

    @Override
    public TensorInfo info(String name) {
        return content.info(name);
    }

    @Override
    public Tensor load(String name) {
        return content.load(name);
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
