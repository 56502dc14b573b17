package org.deltasampling.model;

import java.util.Arrays;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/** Searches in the names of the weights in a file. */
final class WeightNames {

    private WeightNames() {}

    /** Whether any of {@code names} has one of these beginnings. */
    static boolean anyBegins(Set<String> names, String... beginnings) {
        return names.stream().anyMatch(name -> Arrays.stream(beginnings).anyMatch(name::startsWith));
    }

    /** The whole numbers that follow {@code prefix} in names. */
    static SortedSet<Integer> numbers(Set<String> names, String prefix) {
        SortedSet<Integer> found = new TreeSet<>();
        for (String name : names) {
            int dot = name.indexOf('.', prefix.length());
            if (name.startsWith(prefix) && dot > 0) {
                String word = name.substring(prefix.length(), dot);
                if (!word.isEmpty() && word.length() < 6 && word.chars().allMatch(c -> c >= '0' && c <= '9')) {
                    found.add(Integer.parseInt(word));
                }
            }
        }
        return found;
    }
}
