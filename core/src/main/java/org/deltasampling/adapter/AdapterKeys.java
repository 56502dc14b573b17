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
import org.deltasampling.file.Quoted;
import org.deltasampling.weights.BadWeightsException;

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
     */
    record Group(String module, AdapterKind kind, Map<String, String> tensors) {

        /** The required roles that the file lacks. */
        List<String> missing() {
            return kind.required().stream()
                    .filter(role -> !tensors.containsKey(role))
                    .sorted()
                    .toList();
        }
    }

    /**
     * Groups {@code names} by what {@code kinds} say.
     *
     * @param origin the file, for messages
     * @throws BadWeightsException if two tensors have one role in a module
     */
    static AdapterKeys of(Collection<String> names, List<AdapterKind> kinds, String origin) {
        List<Group> groups = new ArrayList<>();
        SortedSet<String> formats = new TreeSet<>();
        Set<String> recognised = new LinkedHashSet<>();
        for (AdapterKind kind : kinds) {
            for (Group group : groups(names, kind, origin)) {
                if (group.tensors().keySet().stream().anyMatch(kind.required()::contains)) {
                    groups.add(group);
                    recognised.addAll(group.tensors().values());
                }
            }
            kind.keys().stream()
                    .filter(key -> kind.required().contains(key.role()))
                    .filter(key -> recognised.stream().anyMatch(name -> key.module(name) != null))
                    .forEach(key -> formats.add(key.format()));
        }
        Set<String> embeddings = new LinkedHashSet<>();
        List<String> unrecognised = new ArrayList<>();
        for (String name : names) {
            if (name.startsWith(BUNDLED)) {
                embeddings.add(name.substring(BUNDLED.length()).split("\\.", 2)[0]);
            } else if (!recognised.contains(name)) {
                unrecognised.add(name);
            }
        }
        return new AdapterKeys(groups, formats, embeddings, unrecognised);
    }

    private static Collection<Group> groups(Collection<String> names, AdapterKind kind, String origin) {
        Map<String, Group> groups = new LinkedHashMap<>();
        for (String name : names) {
            for (AdapterKind.TensorKey key : kind.keys()) {
                String module = key.module(name);
                if (module != null && !name.startsWith(BUNDLED)) {
                    String other = groups.computeIfAbsent(module, m -> new Group(m, kind, new LinkedHashMap<>()))
                            .tensors()
                            .put(key.role(), name);
                    if (other != null) {
                        throw new BadWeightsException(
                                "%s holds more than one adapter, as %s and %s: save each in a file of its own"
                                        .formatted(origin, Quoted.of(other), Quoted.of(name)));
                    }
                }
            }
        }
        return groups.values();
    }
}
