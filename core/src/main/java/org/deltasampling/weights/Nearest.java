package org.deltasampling.weights;

import java.util.Collection;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import org.deltasampling.file.Quoted;

/** The known name that a wrong one was probably meant to be. */
public final class Nearest {

    /** The time that a comparison takes grows with the square of the lengths; names of models are shorter. */
    private static final int LONGEST = 200;

    private Nearest() {}

    /** {@code " (the nearest is X)"}, or nothing where no name is near. */
    public static String hint(String name, Collection<String> known) {
        return to(name, known)
                .map(n -> " (the nearest is " + Quoted.of(n) + ")")
                .orElse("");
    }

    /**
     * What {@code located} has under the name of a tensor.
     *
     * @param origin where the tensors come from, for the message
     * @throws BadWeightsException with the nearest name if it has nothing
     */
    static <T> T found(String name, Map<String, T> located, String origin) {
        T found = located.get(name);
        if (found == null) {
            throw new BadWeightsException(
                    "%s has no tensor %s%s".formatted(origin, Quoted.of(name), hint(name, located.keySet())));
        }
        return found;
    }

    /** The known name with the fewest edits from {@code name}, if at most half of it has to change and it is not very long. */
    public static Optional<String> to(String name, Collection<String> known) {
        return known.stream()
                .filter(k -> !k.equals(name) && isNear(name, k))
                .min(Comparator.comparingInt((String k) -> edits(name, k)).thenComparing(Comparator.naturalOrder()));
    }

    private static boolean isNear(String a, String b) {
        int longer = Math.max(a.length(), b.length());
        int shorter = Math.min(a.length(), b.length());
        return longer <= LONGEST && (longer - shorter) * 2 <= longer && edits(a, b) * 2 <= longer;
    }

    /** Levenshtein distance. */
    private static int edits(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int above = row[j];
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(replaced, Math.min(above, row[j - 1]) + 1);
                diagonal = above;
            }
        }
        return row[b.length()];
    }
}
