package org.deltasampling.model;

import java.util.Arrays;
import org.deltasampling.file.Quoted;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightSource;

/** Widths and depths of a network, read off the names and shapes of its weights. */
public final class Shapes {

    private Shapes() {}

    /**
     * The shape of {@code weight}.
     *
     * @param rank how many axes it must have, each of length 1 or more
     * @throws BadWeightsException if it has others, or is not there
     */
    public static long[] of(WeightSource weights, String weight, int rank) {
        long[] shape = weights.info(weight).shape();
        if (shape.length != rank || Arrays.stream(shape).anyMatch(length -> length < 1)) {
            throw new BadWeightsException(
                    "%s is %s where %d axes are needed".formatted(weight, Quoted.of(Arrays.toString(shape)), rank));
        }
        return shape;
    }

    /** The name {@code pattern} with {@code number} for its {@code {i}}, whatever digits the system's language has. */
    public static String name(String pattern, long number) {
        return pattern.replace("{i}", Long.toString(number));
    }

    /** How many weights are there of the name {@code pattern} with 0, 1 and so on for its {@code {i}}. */
    public static int count(WeightSource weights, String pattern) {
        int found = 0;
        while (weights.names().contains(name(pattern, found))) {
            found++;
        }
        return found;
    }

    /**
     * The same, where there must be one.
     *
     * @throws BadWeightsException naming the first if there is none
     */
    public static int countAtLeastOne(WeightSource weights, String pattern) {
        int found = count(weights, pattern);
        if (found == 0) {
            throw new BadWeightsException("there is no weight %s".formatted(name(pattern, 0)));
        }
        return found;
    }
}
