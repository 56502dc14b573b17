package org.deltasampling.weights;

import java.util.Collection;
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
        String nearest = null;
        int fewest = Integer.MAX_VALUE;
        for (String other : known) {
            int edits = other.equals(name) ? Integer.MAX_VALUE : edits(name, other, fewest);
            if (edits < fewest || (edits == fewest && nearest != null && other.compareTo(nearest) < 0)) {
                nearest = other;
                fewest = edits;
            }
        }
        return Optional.ofNullable(nearest);
    }

    /** The edits between two names, or the largest number if there are more than {@code most} or half of the longer one. */
    private static int edits(String a, String b, int most) {
        int longer = Math.max(a.length(), b.length());
        int allowed = Math.min(most, longer / 2);
        if (longer > LONGEST || Math.abs(a.length() - b.length()) > allowed) {
            return Integer.MAX_VALUE;
        }
        int edits = edits(a, b);
        return edits <= allowed ? edits : Integer.MAX_VALUE;
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
