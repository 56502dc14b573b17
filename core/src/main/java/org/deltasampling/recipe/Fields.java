package org.deltasampling.recipe;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.file.Quoted;
import org.deltasampling.weights.Nearest;
import org.jspecify.annotations.Nullable;

/**
 * One map of a recipe being read: each key is asked for by name and type, then {@link #done} refuses what was not asked
 * for. Every complaint is one sentence that says where. Numbers may be written as texts, which is how YAML's are kept.
 */
final class Fields {

    private static final Pattern NUMBER = Pattern.compile("[-+]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][-+]?\\d+)?");
    private static final Pattern WHOLE = Pattern.compile("[-+]?\\d{1,18}");

    private final String where;
    private final JsonNode map;
    private final Set<String> known = new LinkedHashSet<>();
    private final Map<String, String> formerly = new HashMap<>();

    Fields(String where, JsonNode map) {
        if (!map.isObject()) {
            throw new BadRecipeException((where.isEmpty() ? "the recipe" : where) + " must be a map of keys to values"
                    + (map.isMissingNode() ? ", and is empty" : ""));
        }
        this.where = where;
        this.map = map;
    }

    /** Where {@code key} is, for a message. */
    String at(String key) {
        return where.isEmpty() ? key : where + "." + key;
    }

    /** Reads {@code key} under its earlier name too. */
    Fields renamed(String key, String before) {
        if (map.hasNonNull(before) && map.hasNonNull(key)) {
            throw new BadRecipeException(
                    "%s and %s mean the same: leave out %s".formatted(at(before), at(key), before));
        }
        formerly.put(key, before);
        return this;
    }

    /** The value of {@code key}, or null where it is left out. */
    @Nullable
    JsonNode node(String key) {
        known.add(key);
        JsonNode found = map.hasNonNull(key) ? map.get(key) : map.get(formerly.getOrDefault(key, key));
        return found == null || found.isNull() ? null : found;
    }

    @Nullable
    String text(String key) {
        JsonNode found = node(key);
        if (found != null && !found.isValueNode()) {
            throw new BadRecipeException(at(key) + " must be a text; put it in quotes if it has a ':' or a bracket");
        }
        return found == null ? null : found.asText();
    }

    /** A text, or a list of texts. */
    List<String> texts(String key) {
        JsonNode found = node(key);
        if (found == null || !found.isArray()) {
            String one = text(key);
            return one == null ? List.of() : List.of(one);
        }
        List<String> all = new ArrayList<>();
        for (JsonNode element : found) {
            if (!element.isValueNode()) {
                throw new BadRecipeException(at(key) + " must be a text or a list of texts");
            }
            all.add(element.asText());
        }
        return all;
    }

    String text(String key, String otherwise) {
        String found = text(key);
        return found == null ? otherwise : found;
    }

    /** What {@code read} makes of the text under {@code key}; null where it is left out. */
    <T> @Nullable T optional(String key, Function<String, T> read) {
        String found = text(key);
        try {
            return found == null ? null : read.apply(found);
        } catch (DeltaSamplingException e) {
            throw new BadRecipeException(at(key) + ": " + e.getMessage(), e);
        }
    }

    /** What {@code read} makes of the text under {@code key}. */
    <T> T value(String key, Function<String, T> read, T otherwise) {
        T found = optional(key, read);
        return found == null ? otherwise : found;
    }

    double number(String key, double otherwise) {
        JsonNode found = node(key);
        if (found == null) {
            return otherwise;
        }
        if (!found.isValueNode() || !NUMBER.matcher(found.asText()).matches()) {
            throw new BadRecipeException(at(key) + " must be a number, not " + Quoted.of(String.valueOf(found)));
        }
        return Double.parseDouble(found.asText());
    }

    int whole(String key, int otherwise, int least, int most) {
        JsonNode found = node(key);
        if (found == null) {
            return otherwise;
        }
        if (found.isValueNode() && WHOLE.matcher(found.asText()).matches()) {
            long number = Long.parseLong(found.asText());
            if (number >= least && number <= most) {
                return (int) number;
            }
        }
        throw new BadRecipeException("%s must be a whole number from %d to %d, not %s"
                .formatted(at(key), least, most, Quoted.of(String.valueOf(found))));
    }

    /** true or false, as YAML also writes them: yes or no. */
    @Nullable
    Boolean truth(String key) {
        String found = text(key);
        if (found == null) {
            return null;
        }
        boolean yes = found.equalsIgnoreCase("true") || found.equalsIgnoreCase("yes");
        if (!yes && !found.equalsIgnoreCase("false") && !found.equalsIgnoreCase("no")) {
            throw new BadRecipeException(
                    "%s must be true or false, not %s".formatted(at(key), Quoted.of(String.valueOf(found))));
        }
        return yes;
    }

    /** The map under {@code key}; an empty one where it is left out. */
    Fields map(String key) {
        JsonNode found = node(key);
        return new Fields(at(key), found == null ? JsonNodeFactory.instance.objectNode() : found);
    }

    /** Each map of the list under {@code key}. */
    <T> List<T> list(String key, Function<Fields, T> read) {
        JsonNode found = node(key);
        List<T> all = new ArrayList<>();
        if (found != null) {
            if (!found.isArray()) {
                throw new BadRecipeException(at(key) + " must be a list");
            }
            for (JsonNode element : found) {
                all.add(read.apply(new Fields(at(key) + "[" + all.size() + "]", element)));
            }
        }
        return all;
    }

    /** Refuses keys that nothing asked for. */
    void done() {
        map.fieldNames().forEachRemaining(key -> {
            if (!known.contains(key) && !formerly.containsValue(key)) {
                throw new BadRecipeException("%s is no key of a recipe%s; here there are: %s"
                        .formatted(at(Quoted.of(key)), Nearest.hint(Quoted.of(key), known), String.join(" ", known)));
            }
        });
    }
}
