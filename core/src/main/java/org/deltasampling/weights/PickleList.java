package org.deltasampling.weights;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A list, tuple or set of a pickle. It may hold itself, or towers of others, so that none is ever compared or hashed. */
final class PickleList {

    private final List<Object> items;

    PickleList(List<Object> items) {
        this.items = new ArrayList<>(items);
    }

    List<Object> items() {
        return items;
    }

    /** The item at {@code index} if it is a {@code type}, else null. */
    <T> @Nullable T get(int index, Class<T> type) {
        Object item = index < items.size() ? items.get(index) : null;
        return type.isInstance(item) ? type.cast(item) : null;
    }

    /** The items as whole numbers of at least 0; null if one is something else. */
    long @Nullable [] counts() {
        long[] counts = new long[items.size()];
        for (int i = 0; i < counts.length; i++) {
            Long count = get(i, Long.class);
            if (count == null || count < 0) {
                return null;
            }
            counts[i] = count;
        }
        return counts;
    }
}
