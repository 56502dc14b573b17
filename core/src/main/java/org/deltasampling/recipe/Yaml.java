package org.deltasampling.recipe;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import java.io.IOException;
import org.deltasampling.file.Quoted;

/**
 * The part of YAML that recipes need, JSON included: one document of maps, lists and texts. Numbers and words such as
 * {@code no} stay the texts that they are, so that a prompt {@code 1.50} is read as it stands; what is refused is never skipped.
 */
final class Yaml {

    /** A recipe goes five deep. */
    private static final int DEPTH = 20;

    private static final YAMLFactory FACTORY = YAMLFactory.builder()
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .disable(YAMLGenerator.Feature.SPLIT_LINES)
            .build();

    private static final ObjectMapper MAPPER = new ObjectMapper(FACTORY);
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private Yaml() {}

    /**
     * The document; a missing node where the text is empty.
     *
     * @throws BadRecipeException if it is not one document of this kind
     */
    static JsonNode read(String text) {
        try (YAMLParser parser = FACTORY.createParser(text)) {
            parser.enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);
            JsonNode document = parser.nextToken() == null ? NODES.missingNode() : node(parser, 0);
            if (parser.nextToken() != null) {
                throw refused("holds a second document", parser);
            }
            return document;
        } catch (JsonProcessingException e) {
            String line =
                    e.getLocation() == null ? "" : " in line " + e.getLocation().getLineNr();
            String what =
                    String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse("unreadable");
            throw new BadRecipeException("the recipe is no valid YAML" + line + ": " + Quoted.of(what), e);
        } catch (IOException | IllegalArgumentException e) {
            throw new BadRecipeException(
                    "the recipe is no valid YAML: " + Quoted.of(String.valueOf(e.getMessage())), e);
        }
    }

    private static JsonNode node(YAMLParser parser, int depth) throws IOException {
        if (depth > DEPTH) {
            throw refused("is nested more than " + DEPTH + " deep", parser);
        }
        if (parser.isCurrentAlias()) {
            throw refused("refers to an anchor with *, which is not supported: write the value out", parser);
        }
        if (parser.getTypeId() != null) {
            throw refused("has a tag (!), which is not supported: leave it out", parser);
        }
        if (parser.currentToken() == JsonToken.START_OBJECT) {
            ObjectNode map = NODES.objectNode();
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String key = parser.currentName();
                parser.nextToken();
                map.set(key, node(parser, depth + 1));
            }
            return map;
        }
        if (parser.currentToken() == JsonToken.START_ARRAY) {
            ArrayNode list = NODES.arrayNode();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                list.add(node(parser, depth + 1));
            }
            return list;
        }
        return parser.currentToken() == JsonToken.VALUE_NULL ? NODES.nullNode() : NODES.textNode(parser.getText());
    }

    private static BadRecipeException refused(String why, JsonParser parser) {
        return new BadRecipeException("the recipe %s (in line %d)"
                .formatted(why, parser.currentLocation().getLineNr()));
    }

    /** {@code tree} in the form that {@link #read} reads. */
    static String write(JsonNode tree) {
        try {
            return MAPPER.writeValueAsString(tree);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
