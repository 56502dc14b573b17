package org.deltasampling.adapter;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.deltasampling.weights.WeightSource;

/** An adapter that changes some of the weights of a part, each by itself. */
public final class WeightChanges implements Adapter {

    private final String origin;
    private final Map<String, WeightChange> changes;
    private final double strength;

    private WeightChanges(String origin, Map<String, WeightChange> changes, double strength) {
        this.origin = origin;
        this.changes = changes;
        this.strength = strength;
    }

    /**
     * Changes by the canonical names of the weights, at strength 1.
     *
     * @param origin the file that they are from, for messages
     */
    public static WeightChanges of(String origin, Map<String, ? extends WeightChange> changes) {
        return new WeightChanges(origin, Collections.unmodifiableMap(new LinkedHashMap<>(changes)), 1);
    }

    /** The same changes at another strength, whatever it was. */
    public WeightChanges at(double strength) {
        return new WeightChanges(origin, changes, strength);
    }

    /** The canonical names of the weights that it changes. */
    public Set<String> touched() {
        return changes.keySet();
    }

    @Override
    public WeightSource weights(WeightSource base) {
        return new Overlay(
                base,
                origin,
                changes::containsKey,
                name -> Objects.requireNonNull(changes.get(name)).apply(base.load(name), strength));
    }
}
