package org.deltasampling.adapter;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.adapter.AdapterKeys.Group;
import org.deltasampling.file.Quoted;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.FileKind;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightFile;

/**
 * An adapter of weights on disk, of any kind and in any key format; it is for whatever model has the modules that it names.
 * The file stays open until {@link #close}, as long as an adapter reads from it.
 */
public final class AdapterFile implements AutoCloseable {

    private static final Pattern SD3_MODULE = Pattern.compile("joint_blocks|context_block|add_k_proj|ff_context");
    private static final int MOST_WARNINGS = 20;

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

    /**
     * All that the file says of itself; what is odd is a warning.
     *
     * @throws org.deltasampling.file.BadFileException if the file was changed since it was opened
     */
    public AdapterReport report() {
        AdapterSummary summary = summary();
        TrainingMetadata training = TrainingMetadata.of(file);
        List<String> warnings = new ArrayList<>(training.warnings());
        Map<String, Integer> kinds = new LinkedHashMap<>();
        List<Double> ranks = new ArrayList<>();
        List<Double> alphas = new ArrayList<>();
        for (Group group : keys.groups()) {
            kinds.merge(group.title(), 1, Integer::sum);
            AdapterModule module = module(group);
            long rank = group.kind().sizes().rank().applyAsLong(module);
            if (rank > 0) {
                ranks.add((double) rank);
                try {
                    module.alpha().ifPresent(alphas::add);
                } catch (BadWeightsException e) {
                    warnings.add(e.getMessage());
                }
            }
        }
        Optional<Architecture> family = family(summary.contextWidth());
        family.ifPresent(shown -> training.claims().forEach((key, claimed) -> {
            if (claimed != shown) {
                warnings.add("%s says by %s = %s that it is for %s, but its shapes are of %s, which is believed"
                        .formatted(path(), key, training.entries().get(key), title(claimed), title(shown)));
            }
        }));
        return new AdapterReport(
                kinds,
                List.copyOf(keys.formats()),
                summary.layers(),
                Spread.of(ranks),
                Spread.of(alphas),
                summary.contextWidth(),
                family.map(AdapterFile::title).orElse(null),
                keys.embeddings().stream().map(Quoted::of).toList(),
                training.triggerWords(),
                training.frequentTags(),
                training.entries(),
                warnings.stream().limit(MOST_WARNINGS).toList());
    }

    /** By the width of the text embedding, which SD-3's modules do not show, but for their names; SD3 stands for 3.5 too. */
    private Optional<Architecture> family(long contextWidth) {
        boolean ofSd3 = keys.groups().stream().map(Group::module).anyMatch(SD3_MODULE.asPredicate());
        return ofSd3 ? Optional.of(Architecture.SD3) : Architecture.ofContextWidth(contextWidth);
    }

    private static String title(Architecture family) {
        return family == Architecture.SD3 ? "Stable Diffusion 3 or 3.5" : family.title();
    }

    /**
     * How much of it {@code model} takes, be it nothing.
     *
     * @throws org.deltasampling.file.BadFileException if the file was changed since it was opened
     */
    public AdapterFit fit(Checkpoint model) {
        AdapterMatch match = new AdapterMatch(ModuleIndex.of(model));
        for (Group group : keys.groups()) {
            try {
                match.add(group, module(group));
            } catch (BadWeightsException e) {
                match.addRefused(group, String.valueOf(e.getMessage()));
            }
        }
        keys.unrecognised().forEach(match::addUnrecognised);
        return match.fit();
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
        RoleAdapter words = RoleAdapter.NONE;
        for (EmbeddingFile embedding :
                keys.embeddings().isEmpty() ? List.<EmbeddingFile>of() : EmbeddingFile.bundledIn(path())) {
            try {
                words = words.then(embedding.on(model, null));
            } catch (BadWeightsException e) {
                warnings.add("the embedding '%s' that is bundled with it is left out: %s"
                        .formatted(Quoted.of(embedding.token()), e.getMessage()));
            }
        }
        return new Adaptation(adaptation.changes(), words, warnings);
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
