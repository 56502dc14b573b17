package org.deltasampling.recipe;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.deltasampling.weights.Nearest;
import org.jspecify.annotations.Nullable;

/**
 * One map of a recipe being read: each key is asked for by name and type, then {@link #done} refuses what was not asked
 * for. Every complaint is one sentence that says where.
 */
final class Fields {

    private final String where;
    private final JsonNode map;
    private final Set<String> known = new LinkedHashSet<>();

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

    /** The value of {@code key}, or null where it is left out. */
    @Nullable
    JsonNode node(String key) {
        known.add(key);
        JsonNode found = map.get(key);
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

    String text(String key, String otherwise) {
        String found = text(key);
        return found == null ? otherwise : found;
    }

    double number(String key, double otherwise) {
        JsonNode found = node(key);
        if (found != null && !found.isNumber()) {
            throw new BadRecipeException(at(key) + " must be a number, not " + found);
        }
        return found == null ? otherwise : found.doubleValue();
    }

    long whole(String key, long otherwise, long least, long most) {
        JsonNode found = node(key);
        if (found == null) {
            return otherwise;
        }
        if (!found.canConvertToLong()
                || !found.isIntegralNumber()
                || found.longValue() < least
                || found.longValue() > most) {
            throw new BadRecipeException(
                    "%s must be a whole number from %d to %d, not %s".formatted(at(key), least, most, found));
        }
        return found.longValue();
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
            if (!known.contains(key)) {
                throw new BadRecipeException("%s is no key of a recipe%s; here there are: %s"
                        .formatted(at(key), Nearest.hint(key, known), String.join(" ", known)));
            }
        });
    }
}
