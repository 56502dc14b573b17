package org.deltasampling.pipeline;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.deltasampling.adapter.Adaptation;
import org.deltasampling.adapter.Adapter;
import org.deltasampling.adapter.AdapterFile;
import org.deltasampling.adapter.EmbeddingFile;
import org.deltasampling.adapter.FineTune;
import org.deltasampling.adapter.RoleAdapter;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.ModelOverrides;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Embedding;
import org.deltasampling.recipe.Recipe.IpAdapter;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.Precision;

/**
 * The models that are open, each once; an adapted model shares the weights of the one that it adapts. Files stay open, weights
 * stay in memory until {@link #releaseOldest} takes them away.
 */
final class ModelCache implements AutoCloseable {

    /** How a model is used, whatever it is: what is said beside its files, what its network computes in, and where. */
    record Use(ModelOverrides overrides, Precision precision, Device device) {}

    private record Key(Path path, Path base, List<Recipe.Adapter> adapters, Use use) {}

    /** @param others what else it is opened with */
    private record SideKey(Path path, List<Object> others, Precision precision, Device device) {}

    private record Opened(Path path, ModelOverrides overrides) {}

    private final Map<Opened, Checkpoint> checkpoints = new HashMap<>();
    private final Map<Path, AdapterFile> adapterFiles = new HashMap<>();
    private final Map<SideKey, SideModel> sides = new HashMap<>();

    /** The one that was not asked for for longest first. */
    private final Map<Key, Model> models = new LinkedHashMap<>(16, 0.75f, true);

    /**
     * The model at {@code path} under {@code adapters}; its files are checked, its weights not yet read.
     *
     * @param base completes it where its file has the UNet alone; else it is not looked at
     * @throws org.deltasampling.weights.BadWeightsException if a file cannot be used
     */
    Model open(Path path, Path base, List<Recipe.Adapter> adapters, Use use) {
        Key key = new Key(path, checkpoint(path, use).whole() ? path : base, adapters, use);
        Model known = models.get(key);
        if (known != null) {
            return known;
        }
        Model model = adapters.isEmpty() ? plain(key) : adapted(open(path, base, List.of(), use), adapters);
        models.put(key, model);
        return model;
    }

    private Model plain(Key key) {
        Checkpoint checkpoint = checkpoint(key.path, key.use);
        if (key.path.equals(key.base)) {
            return Model.of(checkpoint, key.use.precision, key.use.device);
        }
        Adapter tuned = new FineTune(checkpoint.network().weights());
        return open(key.base, key.base, List.of(), key.use)
                .with(RoleAdapter.ofWeights(Map.of(checkpoint.networkName(), tuned)), checkpoint.files(), List.of());
    }

    private Model adapted(Model model, List<Recipe.Adapter> adapters) {
        RoleAdapter all = RoleAdapter.NONE;
        List<Path> files = new ArrayList<>();
        List<String> warnings = new ArrayList<>();
        for (Recipe.Adapter adapter : adapters) {
            if (adapter instanceof Lora lora) {
                Adaptation adaptation = adapterFiles
                        .computeIfAbsent(lora.file(), AdapterFile::open)
                        .on(model.checkpoint());
                warnings.addAll(adaptation.warnings());
                all = all.then(adaptation.at(lora.weight()));
            } else if (adapter instanceof Embedding embedding) {
                all = all.then(EmbeddingFile.open(embedding.file()).on(model.checkpoint(), embedding.token()));
            }
            files.add(adapter.file());
        }
        return model.with(all, files, warnings);
    }

    /**
     * The ControlNet or T2I-Adapter at {@code path}; its weights are not yet read.
     *
     * @throws org.deltasampling.weights.BadWeightsException if it cannot be used
     */
    ControlModel control(Path path, Precision precision, Device device) {
        return (ControlModel) sides.computeIfAbsent(
                new SideKey(path, List.of(), precision, device), key -> ControlModel.open(path, precision, device));
    }

    /**
     * The IP-Adapter {@code prompt} names, for {@code model}; its weights are not yet read.
     *
     * @throws org.deltasampling.weights.BadWeightsException if it cannot be used
     */
    ImagePromptModel imagePrompts(IpAdapter prompt, Model model, Precision precision) {
        SideKey key =
                new SideKey(prompt.file(), List.of(prompt.encoder(), model.checkpoint()), precision, model.device());
        return (ImagePromptModel) sides.computeIfAbsent(
                key,
                one -> ImagePromptModel.open(
                        prompt.file(), prompt.encoder(), model.checkpoint(), precision, model.device()));
    }

    /** Releases the weights of all side models but {@code used}. */
    void releaseSideModels(Set<SideModel> used) {
        sides.values().stream().filter(side -> !used.contains(side)).forEach(SideModel::release);
    }

    private Checkpoint checkpoint(Path path, Use use) {
        return checkpoints.computeIfAbsent(
                new Opened(path, use.overrides), opened -> Checkpoint.open(opened.path, opened.overrides));
    }

    /** Closes everything if a file has changed since it was opened, so that it is opened anew; no model may be in use. */
    void refresh() {
        if (!models.values().stream().allMatch(Model::isCurrent)
                || !sides.values().stream().allMatch(side -> side.stamps().areCurrent())) {
            close();
        }
    }

    /** {@code models}, and those whose weights they share. */
    static Set<Model> withBases(List<Model> models) {
        Set<Model> all = new LinkedHashSet<>();
        for (Model model : models) {
            model.base().ifPresent(base -> all.addAll(withBases(List.of(base))));
            all.add(model);
        }
        return all;
    }

    /** What the weights in memory of all models but {@code used} take, in bytes. */
    long residentBytes(Set<Model> used) {
        return models.values().stream()
                .filter(model -> !used.contains(model))
                .mapToLong(Model::residentBytes)
                .sum();
    }

    /**
     * Releases the weights in memory of the model that was not asked for for longest and is none of {@code used}, an adapted
     * one before the one that it shares weights with.
     *
     * @return whether there was one
     */
    boolean releaseOldest(Set<Model> used) {
        List<Model> resident = models.values().stream()
                .filter(model -> !used.contains(model) && model.residentBytes() > 0)
                .toList();
        Optional<Model> oldest = resident.stream()
                .filter(model ->
                        resident.stream().noneMatch(other -> other.base().equals(Optional.of(model))))
                .findFirst();
        oldest.ifPresent(Model::releaseAll);
        return oldest.isPresent();
    }

    @Override
    public void close() {
        models.values().forEach(Model::close);
        sides.values().forEach(SideModel::close);
        adapterFiles.values().forEach(AdapterFile::close);
        checkpoints.values().forEach(Checkpoint::close);
        models.clear();
        sides.clear();
        adapterFiles.clear();
        checkpoints.clear();
    }
}
