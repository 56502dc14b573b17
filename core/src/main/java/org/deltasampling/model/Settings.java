package org.deltasampling.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import org.deltasampling.weights.BadWeightsException;

/**
 * A model's config.json, read strictly: a value of the wrong kind, or one that is not implemented, is refused in one
 * sentence that names its key. A key that is absent or null has the default of diffusers.
 */
public record Settings(String model, JsonNode json) {

    public long whole(String key, long otherwise) {
        return one(key, otherwise, "a whole number", JsonNode::isIntegralNumber, JsonNode::longValue);
    }

    public double number(String key, double otherwise) {
        return one(key, otherwise, "a number", JsonNode::isNumber, JsonNode::doubleValue);
    }

    public boolean flag(String key, boolean otherwise) {
        return one(key, otherwise, "true or false", JsonNode::isBoolean, JsonNode::booleanValue);
    }

    public String text(String key, String otherwise) {
        return one(key, otherwise, "a text", JsonNode::isTextual, JsonNode::textValue);
    }

    public List<Long> wholes(String key, List<Long> otherwise) {
        return many(key, otherwise, "whole numbers", JsonNode::isIntegralNumber, JsonNode::longValue);
    }

    public List<String> texts(String key, List<String> otherwise) {
        return many(key, otherwise, "texts", JsonNode::isTextual, JsonNode::textValue);
    }

    /** A list of {@code count}, or one number that stands for all of them. */
    public List<Long> perLevel(String key, long otherwise, int count) {
        JsonNode value = json.path(key);
        List<Long> found = value.isArray() ? wholes(key, List.of()) : Collections.nCopies(count, whole(key, otherwise));
        if (found.size() != count) {
            throw refused(key, "has %d values where the model has %d levels".formatted(found.size(), count));
        }
        return found;
    }

    /** Accepts {@code key} only where it is absent, null or one of {@code accepted}, compared as JSON text. */
    public void require(String key, String... accepted) {
        JsonNode value = json.path(key);
        if (present(value) && !List.of(accepted).contains(value.isTextual() ? value.textValue() : value.toString())) {
            throw refused(
                    key,
                    "is %s, which is not implemented (only %s is)"
                            .formatted(value, accepted.length == 0 ? "null" : String.join(" or ", accepted)));
        }
    }

    /** The refusal of {@code key}, to be thrown. */
    public BadWeightsException refused(String key, String why) {
        return new BadWeightsException("the %s's config.json cannot be used: %s %s".formatted(model, key, why));
    }

    private <T> T one(
            String key, T otherwise, String kind, Function<JsonNode, Boolean> fits, Function<JsonNode, T> read) {
        JsonNode value = json.path(key);
        if (!present(value)) {
            return otherwise;
        }
        if (!fits.apply(value)) {
            throw refused(key, "is %s where %s is needed".formatted(value, kind));
        }
        return read.apply(value);
    }

    private <T> List<T> many(
            String key, List<T> otherwise, String kind, Function<JsonNode, Boolean> fits, Function<JsonNode, T> read) {
        JsonNode value = json.path(key);
        if (!present(value)) {
            return otherwise;
        }
        List<T> found = new ArrayList<>();
        for (JsonNode element : value) {
            if (!fits.apply(element)) {
                throw refused(key, "is %s where a list of %s is needed".formatted(value, kind));
            }
            found.add(read.apply(element));
        }
        if (found.isEmpty()) {
            throw refused(key, "is %s where a list of %s is needed".formatted(value, kind));
        }
        return List.copyOf(found);
    }

    private static boolean present(JsonNode value) {
        return !value.isMissingNode() && !value.isNull();
    }
}
