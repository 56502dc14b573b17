package org.deltasampling.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import org.deltasampling.file.Quoted;
import org.deltasampling.weights.BadWeightsException;

/**
 * A model's config.json, read strictly: a value of the wrong kind, out of range, or not implemented is refused in one
 * sentence that names its key. A key that is absent or null has the default of diffusers.
 */
public record Settings(String model, JsonNode json) {

    /** No model has more layers, heads, channels or tokens of anything. */
    private static final long MOST = 1 << 24;

    /** What float32 holds with room to multiply. */
    private static final double LARGEST = 1e30;

    /** A number of things, of which there is at least one. */
    public long count(String key, long otherwise) {
        return whole(key, otherwise, 1, MOST);
    }

    public List<Long> counts(String key, List<Long> otherwise) {
        return many(
                key,
                otherwise,
                "a whole number from 1 to " + MOST,
                n -> isWhole(n) && n.longValue() >= 1 && n.longValue() <= MOST,
                JsonNode::longValue);
    }

    /** A list of {@code count}, or one number that stands for all of them. */
    public List<Long> perLevel(String key, long otherwise, int count) {
        List<Long> found =
                json.path(key).isArray() ? counts(key, List.of()) : Collections.nCopies(count, count(key, otherwise));
        if (found.size() != count) {
            throw refused(key, "has %d values where the model has %d levels".formatted(found.size(), count));
        }
        return found;
    }

    public long whole(String key, long otherwise) {
        return one(key, otherwise, "a whole number", Settings::isWhole, JsonNode::longValue);
    }

    /** A whole number from {@code least} to {@code most}. */
    public long whole(String key, long otherwise, long least, long most) {
        return one(
                key,
                otherwise,
                "a whole number from %d to %d".formatted(least, most),
                n -> isWhole(n) && n.longValue() >= least && n.longValue() <= most,
                JsonNode::longValue);
    }

    /** A list of whole numbers; empty where there is none. */
    public List<Long> wholes(String key) {
        return json.path(key).isArray() && json.path(key).isEmpty()
                ? List.of()
                : many(key, List.of(), "a whole number", Settings::isWhole, JsonNode::longValue);
    }

    /** A number that float32 holds. */
    public double number(String key, double otherwise) {
        return one(
                key,
                otherwise,
                "a number",
                n -> n.isNumber() && Math.abs(n.doubleValue()) <= LARGEST,
                JsonNode::doubleValue);
    }

    /** A number above 0. */
    public double positive(String key, double otherwise) {
        return one(
                key,
                otherwise,
                "a number above 0",
                n -> n.isNumber() && n.doubleValue() >= 1 / LARGEST && n.doubleValue() <= LARGEST,
                JsonNode::doubleValue);
    }

    public boolean flag(String key, boolean otherwise) {
        return one(key, otherwise, "true or false", JsonNode::isBoolean, JsonNode::booleanValue);
    }

    public String text(String key, String otherwise) {
        return one(key, otherwise, "a text", JsonNode::isTextual, JsonNode::textValue);
    }

    public List<String> texts(String key, List<String> otherwise) {
        return many(key, otherwise, "a text", JsonNode::isTextual, JsonNode::textValue);
    }

    /** Accepts {@code key} only where it is absent, null or one of {@code accepted}, compared as JSON text. */
    public void require(String key, String... accepted) {
        JsonNode value = json.path(key);
        if (present(value) && !List.of(accepted).contains(value.isTextual() ? value.textValue() : value.toString())) {
            throw refused(
                    key,
                    "is %s, which is not implemented (only %s is)"
                            .formatted(
                                    Quoted.of(value.toString()),
                                    accepted.length == 0 ? "null" : String.join(" or ", accepted)));
        }
    }

    /** The refusal of {@code key}, to be thrown. */
    public BadWeightsException refused(String key, String why) {
        return new BadWeightsException("the %s's config.json cannot be used: %s %s".formatted(model, key, why));
    }

    private static boolean isWhole(JsonNode value) {
        return value.isIntegralNumber() && value.canConvertToLong();
    }

    private <T> T one(String key, T otherwise, String kind, Predicate<JsonNode> fits, Function<JsonNode, T> read) {
        JsonNode value = json.path(key);
        if (!present(value)) {
            return otherwise;
        }
        if (!fits.test(value)) {
            throw unfit(key, value, kind);
        }
        return read.apply(value);
    }

    private <T> List<T> many(
            String key, List<T> otherwise, String kind, Predicate<JsonNode> fits, Function<JsonNode, T> read) {
        JsonNode value = json.path(key);
        if (!present(value)) {
            return otherwise;
        }
        List<T> found = new ArrayList<>();
        for (JsonNode element : value) {
            if (!fits.test(element)) {
                throw unfit(key, element, kind);
            }
            found.add(read.apply(element));
        }
        if (found.isEmpty()) {
            throw unfit(key, value, "a list");
        }
        return List.copyOf(found);
    }

    private BadWeightsException unfit(String key, JsonNode value, String kind) {
        return refused(key, "is %s where %s is needed".formatted(Quoted.of(value.toString()), kind));
    }

    private static boolean present(JsonNode value) {
        return !value.isMissingNode() && !value.isNull();
    }
}
