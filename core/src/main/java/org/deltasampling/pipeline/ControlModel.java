package org.deltasampling.pipeline;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.deltasampling.file.FileStamps;
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
final class ControlModel implements SideModel {

    private final Path path;
    private final ControlFile file;
    private final Device device;
    private final FileStamps stamps;
    private final ResidentWeights weights;
    private @Nullable ControlNetwork network;

    private ControlModel(Path path, ControlFile file, Precision precision, Device device) {
        this.path = path;
        this.file = file;
        this.device = device;
        stamps = FileStamps.of(file.files());
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

    @Override
    public List<Path> files() {
        return file.files();
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public void load(Consumer<Path> loading) {
        if (network == null) {
            loading.accept(path);
            network = file.network(Parameters.from(weights));
        }
    }

    @Override
    public void release() {
        network = null;
        weights.release();
    }

    @Override
    public MemoryPlan.Part inMemory() {
        return new MemoryPlan.Part("network of " + path.getFileName(), weights.bytes());
    }

    /** The network, which is loaded. */
    ControlNetwork network() {
        return Objects.requireNonNull(network);
    }

    @Override
    public FileStamps stamps() {
        return stamps;
    }

    @Override
    public void close() {
        weights.close();
        file.close();
    }
}
