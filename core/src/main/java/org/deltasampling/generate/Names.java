package org.deltasampling.generate;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Names that a user types, and the nearest one to a mistyped one. */
final class Names {

    private Names() {}

    /** The choice whose name is {@code text}; another text is refused with its nearest match and all the names. */
    static <T> T choose(String what, String text, List<T> choices, Function<T, String> name) {
        for (T choice : choices) {
            if (name.apply(choice).equalsIgnoreCase(text.strip())) {
                return choice;
            }
        }
        List<String> names = choices.stream().map(name).collect(Collectors.toList());
        throw new BadRecipeException("%s '%s' is not known; did you mean %s? There are: %s"
                .formatted(what, text, nearest(text, names), String.join(" ", names)));
    }

    /** The name that the fewest typing errors (Levenshtein 1966) turn into {@code text}. */
    static String nearest(String text, Collection<String> names) {
        String typed = text.toLowerCase(Locale.ROOT);
        return names.stream()
                .min(Comparator.comparingInt(n -> distance(typed, n.toLowerCase(Locale.ROOT))))
                .orElseThrow();
    }

    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
