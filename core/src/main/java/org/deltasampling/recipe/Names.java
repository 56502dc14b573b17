package org.deltasampling.recipe;

import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.deltasampling.weights.Nearest;
import org.jspecify.annotations.Nullable;

/** Names that a user types, and names that a message quotes. */
public final class Names {

    private static final int QUOTED = 100;

    private Names() {}

    /** A constant's name as users write it: lower case, hyphens. */
    public static String of(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** The choice whose name is {@code text}; another text is refused with its nearest match and all the names. */
    public static <T> T choose(String what, String text, List<T> choices, Function<T, String> name) {
        for (T choice : choices) {
            if (name.apply(choice).equalsIgnoreCase(text.strip())) {
                return choice;
            }
        }
        List<String> names = choices.stream().map(name).toList();
        throw new BadRecipeException("%s '%s' is not known%s; there are: %s"
                .formatted(what, cut(text), Nearest.hint(cut(text), names), String.join(" ", names)));
    }

    /** What a message quotes of a text that a file or a user gives: one line of at most 100 characters. */
    public static String cut(@Nullable Object text) {
        String whole = String.valueOf(text);
        String line = whole.substring(0, Math.min(whole.length(), QUOTED)).replaceAll("\\p{Cntrl}", " ");
        return whole.length() > QUOTED ? line + "..." : line;
    }
}
