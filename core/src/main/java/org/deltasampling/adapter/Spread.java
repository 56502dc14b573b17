package org.deltasampling.adapter;

import java.math.BigDecimal;
import java.math.MathContext;
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

    /** For people: {@code 8}, or {@code 4 to 16, median 8}. */
    public String text() {
        return min == max ? text(min) : "%s to %s, median %s".formatted(text(min), text(max), text(median));
    }

    private static String text(double number) {
        return new BigDecimal(number)
                .round(new MathContext(6))
                .stripTrailingZeros()
                .toPlainString();
    }
}
