package org.deltasampling.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.function.BiConsumer;
import org.deltasampling.file.Quoted;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.JsonFile;

/** A JSON file of a tokenizer, read strictly: an entry of the wrong kind is refused in one sentence that names it. */
record TokenizerJson(Path file, JsonNode root) {

    /** No tokenizer has as many tokens. */
    private static final int MOST_IDS = 1 << 24;

    static TokenizerJson read(Path file) {
        return new TokenizerJson(file, JsonFile.read(file));
    }

    /** Each token of an object that gives tokens their ids. */
    void forEachId(JsonNode ids, String entry, BiConsumer<String, Integer> each) {
        if (!ids.isObject()) {
            throw refused(entry, "is missing or not an object of tokens with their ids");
        }
        ids.properties().forEach(token -> each.accept(token.getKey(), id(token.getValue(), token.getKey())));
    }

    /** The id that {@code node} gives to {@code token}. */
    int id(JsonNode node, String token) {
        boolean fits = node.isIntegralNumber() && node.canConvertToInt();
        return checked(fits ? node.intValue() : -1, node.toString(), token);
    }

    /** The id that {@code text} gives to {@code token}. */
    int id(String text, String token) {
        return checked(text.matches("\\d{1,9}") ? Integer.parseInt(text) : -1, text, token);
    }

    private int checked(int id, String shown, String token) {
        if (id < 0 || id >= MOST_IDS) {
            throw refused(token, "has the id %s, which is not a whole number from 0 on".formatted(Quoted.of(shown)));
        }
        return id;
    }

    /** The text of an added token, which is not empty. */
    String content(JsonNode token) {
        JsonNode content = token.path("content");
        if (!content.isTextual() || content.textValue().isEmpty()) {
            throw refused("an added token", "has no content: " + Quoted.of(token.toString()));
        }
        return content.textValue();
    }

    /** The refusal of an entry, to be thrown. */
    BadWeightsException refused(String entry, String why) {
        return new BadWeightsException(
                "%s cannot be used: %s %s; get the file again from its source".formatted(file, Quoted.of(entry), why));
    }
}
