package org.deltasampling.adapter;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.deltasampling.adapter.AdapterKind.Match;
import org.deltasampling.file.Quoted;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightSource;

/**
 * The names of an adapter file's tensors, grouped by the modules that they change.
 *
 * @param groups each a module and a kind
 * @param formats the key formats that are in use, for people
 * @param embeddings the words of the textual inversions that are bundled with the adapter
 * @param unrecognised names that are of no kind
 */
record AdapterKeys(List<Group> groups, SortedSet<String> formats, Set<String> embeddings, List<String> unrecognised) {

    /** How files name a textual inversion that they bundle: {@code bundle_emb.WORD.TENSOR}. */
    private static final String BUNDLED = "bundle_emb.";

    /**
     * One kind of change of one module.
     *
     * @param module as the file names it
     * @param tensors by role, the name in the file
     * @param formats the key formats of its tensors
     * @param additions what it has besides its kind, for people
     */
    record Group(
            String module,
            AdapterKind kind,
            Map<String, String> tensors,
            Set<String> formats,
            SortedSet<String> additions) {

        private Group(String module, AdapterKind kind) {
            this(module, kind, new LinkedHashMap<>(), new LinkedHashSet<>(), new TreeSet<>());
        }

        private void add(String name, Match match, String origin) {
            String other = tensors.put(match.role(), name);
            if (other != null) {
                throw new BadWeightsException(
                        "%s holds more than one adapter, as %s and %s: save each in a file of its own"
                                .formatted(origin, Quoted.of(other), Quoted.of(name)));
            }
            if (kind.roles().signs().contains(match.role())) {
                formats.add(match.key().format());
            }
            if (!match.key().addition().isEmpty()) {
                additions.add(match.key().addition());
            }
        }

        /** The roles that the file lacks. */
        List<String> missing() {
            return kind.roles().missing(tensors.keySet());
        }

        /** What it changes, for a message: the module, or the tensor of a bias, since the module may have a weight alone. */
        String name() {
            return kind.parameter().equals("weight")
                    ? module
                    : tensors.values().iterator().next();
        }

        /** Whether it is of a layer that reads the text embedding, which is as wide as the family of models has it. */
        boolean readsText() {
            return module.endsWith("attn2_to_k")
                    || module.endsWith("attn2.to_k")
                    || module.endsWith("attn2.processor.to_k");
        }

        /** What people call it. */
        String title() {
            return additions.isEmpty() ? kind.title() : kind.title() + " with " + String.join(" and ", additions);
        }
    }

    /**
     * Groups the tensors of {@code file} by what {@code kinds} say.
     *
     * @throws BadWeightsException if two tensors have one role in a module
     */
    static AdapterKeys of(WeightSource file, List<AdapterKind> kinds) {
        List<Group> groups = new ArrayList<>();
        SortedSet<String> formats = new TreeSet<>();
        Set<String> recognised = new LinkedHashSet<>();
        for (AdapterKind kind : kinds) {
            for (Group group : groups(file, kind)) {
                if (kind.roles().signify(group.tensors().keySet())) {
                    groups.add(group);
                    recognised.addAll(group.tensors().values());
                    formats.addAll(group.formats());
                }
            }
        }
        Set<String> embeddings = new LinkedHashSet<>();
        List<String> unrecognised = new ArrayList<>();
        for (String name : file.names()) {
            if (name.startsWith(BUNDLED)) {
                embeddings.add(name.substring(BUNDLED.length()).split("\\.", 2)[0]);
            } else if (!recognised.contains(name)) {
                unrecognised.add(name);
            }
        }
        return new AdapterKeys(groups, formats, embeddings, unrecognised);
    }

    private static Collection<Group> groups(WeightSource file, AdapterKind kind) {
        Map<String, Group> groups = new LinkedHashMap<>();
        for (String name : file.names()) {
            Match match = name.startsWith(BUNDLED)
                    ? null
                    : kind.match(name, file.info(name).shape());
            if (match != null) {
                groups.computeIfAbsent(match.module(), module -> new Group(module, kind))
                        .add(name, match, file.origin());
            }
        }
        return groups.values();
    }
}
