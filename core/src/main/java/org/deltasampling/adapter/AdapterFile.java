package org.deltasampling.adapter;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.adapter.AdapterKeys.Group;
import org.deltasampling.file.Quoted;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.FileKind;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightFile;

/**
 * An adapter of weights on disk, of any kind and in any key format; it is for whatever model has the modules that it names.
 * The file stays open until {@link #close}, as long as an adapter reads from it.
 */
public final class AdapterFile implements AutoCloseable {

    private final WeightFile file;
    private final AdapterKeys keys;
    private final AdapterSettings settings;

    private AdapterFile(WeightFile file, List<AdapterKind> kinds) {
        this.file = file;
        keys = AdapterKeys.of(file, kinds);
        settings = AdapterSettings.of(file);
        for (String name : keys.unrecognised()) {
            AdapterKinds.refused(name).ifPresent(kind -> {
                throw new BadWeightsException(
                        "%s is an adapter of the kind %s, which is not supported: use another file of it, such as a LoRA"
                                .formatted(file.path(), kind));
            });
        }
        if (keys.groups().isEmpty()) {
            throw new BadWeightsException("%s holds no adapter of a kind that is known: it looks like %s; give a LoRA"
                    .formatted(file.path(), FileKind.of(file.names()).title()));
        }
    }

    /**
     * Opens an adapter.
     *
     * @throws BadWeightsException if it is no adapter of a kind that is applied, naming what it is
     */
    public static AdapterFile open(Path path) {
        return open(path, AdapterKinds.ALL);
    }

    /** The same for another table of kinds. */
    static AdapterFile open(Path path, List<AdapterKind> kinds) {
        WeightFile file = WeightFile.open(path);
        try {
            return new AdapterFile(file, kinds);
        } catch (DeltaSamplingException e) {
            file.close();
            throw e;
        }
    }

    /** Where it lies. */
    public Path path() {
        return file.path();
    }

    /** What the file holds. */
    public AdapterSummary summary() {
        SortedSet<Long> ranks = new TreeSet<>();
        long context = 0;
        for (Group group : keys.groups()) {
            AdapterModule module = module(group);
            long rank = group.kind().sizes().rank().applyAsLong(module);
            if (rank > 0) {
                ranks.add(rank);
            }
            long inputs = group.kind().sizes().inputs().applyAsLong(module);
            context = group.readsText() && inputs > 0 ? inputs : context;
        }
        String kinds = keys.groups().stream().map(Group::title).distinct().collect(Collectors.joining(" and "));
        return new AdapterSummary(
                kinds,
                String.join(" and ", keys.formats()),
                (int) keys.groups().stream().map(Group::module).distinct().count(),
                ranks,
                context);
    }

    private AdapterModule module(Group group) {
        return new AdapterModule(file, settings, group.module(), group.tensors());
    }

    /**
     * The changes of {@code model}.
     *
     * @throws BadWeightsException if the model lacks a module that the file changes or has it in another shape, naming all
     *     such, or if a number in the file is wrong
     */
    public Adaptation on(Checkpoint model) {
        AdapterMatch match = new AdapterMatch(ModuleIndex.of(model));
        keys.groups().forEach(group -> match.add(group, module(group)));
        keys.unrecognised().forEach(match::addUnrecognised);
        Adaptation adaptation = match.adaptation(path(), summary(), model);
        List<String> warnings = new ArrayList<>(adaptation.warnings());
        keys.embeddings()
                .forEach(word -> warnings.add(
                        "%s: the embedding '%s' that is bundled with it is not read, so that its word has no special meaning in prompts"
                                .formatted(path(), Quoted.of(word))));
        return new Adaptation(adaptation.changes(), warnings);
    }

    /**
     * Does nothing if the file is as it was when it was opened.
     *
     * @throws org.deltasampling.file.BadFileException if it was changed, replaced or deleted since
     */
    public void requireUnchanged() {
        file.requireUnchanged();
    }

    /** Closes the file; an adapter from it can load no more, but what was loaded stays valid. */
    @Override
    public void close() {
        file.close();
    }
}
