package org.deltasampling.pipeline;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.deltasampling.file.FileStamp;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.ControlFile;
import org.deltasampling.model.ControlNetwork;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.Precision;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightSources;
import org.jspecify.annotations.Nullable;

/** A ControlNet or T2I-Adapter as roles use it: opened first, then loaded. */
final class ControlModel implements AutoCloseable {

    private final Path path;
    private final ControlFile file;
    private final Device device;
    private final List<FileStamp> stamps;
    private final ResidentWeights weights;
    private @Nullable ControlNetwork network;

    private ControlModel(Path path, ControlFile file, Precision precision, Device device) {
        this.path = path;
        this.file = file;
        this.device = device;
        stamps = file.files().stream().map(Model::stamp).toList();
        weights = new ResidentWeights(WeightSources.on(WeightSources.in(file.weights(), precision), device));
    }

    /** The one at {@code path}, whose weights are not yet read. */
    static ControlModel open(Path path, Precision precision, Device device) {
        return new ControlModel(path, ControlFile.open(path), precision, device);
    }

    /** See {@link ControlFile#requireFits}. */
    void requireFits(Checkpoint model) {
        file.requireFits(model);
    }

    List<Path> files() {
        return file.files();
    }

    Device device() {
        return device;
    }

    /** Reads and converts its weights, if that has not been done. */
    void load(Consumer<Path> loading) {
        if (network == null) {
            loading.accept(path);
            network = file.network(Parameters.from(weights));
        }
    }

    /** Releases its weights, which {@link #load} reads again. */
    void release() {
        network = null;
        weights.release();
    }

    /** What it takes, once it is loaded. */
    MemoryPlan.Part inMemory() {
        return new MemoryPlan.Part("network of " + path.getFileName(), weights.bytes());
    }

    /** The network, which is loaded. */
    ControlNetwork network() {
        return Objects.requireNonNull(network);
    }

    boolean isCurrent() {
        return stamps.stream().allMatch(FileStamp::isCurrent);
    }

    /** See {@link Model#requireUnchanged}. */
    void requireUnchanged() {
        stamps.forEach(FileStamp::requireUnchanged);
    }

    @Override
    public void close() {
        weights.close();
        file.close();
    }
}
