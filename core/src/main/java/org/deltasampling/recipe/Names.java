package org.deltasampling.recipe;

import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.deltasampling.file.Quoted;
import org.deltasampling.weights.Nearest;

/** Names that a user types. */
public final class Names {

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
                .formatted(what, Quoted.of(text), Nearest.hint(Quoted.of(text), names), String.join(" ", names)));
    }
}
