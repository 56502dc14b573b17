package org.deltasampling.generate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.deltasampling.adapter.Adapter;
import org.deltasampling.adapter.FineTune;
import org.deltasampling.adapter.LoraFile;
import org.deltasampling.generate.Recipe.Lora;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.tensor.Precision;

/** The models that are open, each once; an adapted model stands on the weights of the one that it adapts. */
final class Models implements AutoCloseable {

    private record Key(Path path, Path base, List<Lora> adapters, Precision precision) {}

    private final Map<Path, Checkpoint> checkpoints = new HashMap<>();
    private final Map<Path, LoraFile> loras = new HashMap<>();
    private final Map<Key, Model> models = new HashMap<>();

    /**
     * The model at {@code path} under {@code adapters}; its files are checked, its weights not yet read.
     *
     * @param base completes it where its file has the UNet alone; else it is not looked at
     * @throws org.deltasampling.weights.BadWeightsException if a file cannot be used
     */
    Model open(Path path, Path base, List<Lora> adapters, Precision precision) {
        Key key = new Key(path, checkpoint(path).whole() ? path : base, adapters, precision);
        Model known = models.get(key);
        if (known != null) {
            return known;
        }
        Model model = adapters.isEmpty() ? plain(key) : adapted(open(path, base, List.of(), precision), adapters);
        models.put(key, model);
        return model;
    }

    private Model plain(Key key) {
        Checkpoint checkpoint = checkpoint(key.path);
        if (key.path.equals(key.base)) {
            return Model.of(checkpoint, key.precision);
        }
        Adapter tuned = new FineTune(checkpoint.network().weights());
        return open(key.base, key.base, List.of(), key.precision)
                .with(Map.of(checkpoint.networkName(), tuned), checkpoint.files());
    }

    private Model adapted(Model model, List<Lora> adapters) {
        Map<String, Adapter> changes = new HashMap<>();
        List<Path> files = new ArrayList<>();
        for (Lora lora : adapters) {
            LoraFile file = loras.computeIfAbsent(lora.file(), LoraFile::open);
            file.on(model.checkpoint())
                    .forEach((part, change) -> changes.merge(part, change.times(lora.weight()), Adapter::then));
            files.add(lora.file());
        }
        return model.with(changes, files);
    }

    private Checkpoint checkpoint(Path path) {
        return checkpoints.computeIfAbsent(path, Checkpoint::open);
    }

    @Override
    public void close() {
        models.values().forEach(Model::close);
        loras.values().forEach(LoraFile::close);
        checkpoints.values().forEach(Checkpoint::close);
    }
}
