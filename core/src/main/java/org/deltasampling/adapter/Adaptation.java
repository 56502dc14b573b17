package org.deltasampling.adapter;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What an adapter file does to one model.
 *
 * @param changes by the names of the parts whose weights they change, see {@code model.Checkpoint.parts}; at strength 1
 * @param words of textual inversions that are bundled with it
 * @param warnings what of the file is left out, each in one sentence for the user
 */
public record Adaptation(Map<String, WeightChanges> changes, RoleAdapter words, List<String> warnings) {

    public Adaptation {
        changes = Collections.unmodifiableMap(new LinkedHashMap<>(changes));
        warnings = List.copyOf(warnings);
    }

    /** The changes at that strength. */
    public RoleAdapter at(double strength) {
        Map<String, Adapter> scaled = new LinkedHashMap<>();
        changes.forEach((part, change) -> scaled.put(part, change.at(strength)));
        return RoleAdapter.ofWeights(scaled).then(words);
    }
}
