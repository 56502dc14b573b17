package org.deltasampling.weights;

import java.util.LinkedHashMap;
import java.util.Map;

/** A dict of a pickle, of any class. Keys that are neither text nor whole numbers name no tensor and are left out. */
final class PickleDict {

    /** What an entry takes in memory, for a {@link PickleAllowance}. */
    static final long ENTRY_BYTES = 112;

    private final Map<String, Object> entries = new LinkedHashMap<>();

    void put(Object key, Object value) {
        if (key instanceof String || key instanceof Long) {
            entries.put(key.toString(), value);
        }
    }

    Map<String, Object> entries() {
        return entries;
    }
}
