package org.deltasampling.adapter;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How numbers of many modules are spread.
 *
 * @param count of how many modules
 */
public record Spread(int count, double min, double median, double max) {

    /** Of {@code numbers}; null if there are none. */
    static @Nullable Spread of(List<Double> numbers) {
        if (numbers.isEmpty()) {
            return null;
        }
        List<Double> sorted = numbers.stream().sorted().toList();
        int last = sorted.size() - 1;
        double median = (sorted.get(last / 2) + sorted.get((last + 1) / 2)) / 2;
        return new Spread(sorted.size(), sorted.get(0), median, sorted.get(last));
    }
}
