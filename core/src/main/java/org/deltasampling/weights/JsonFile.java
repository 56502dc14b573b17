package org.deltasampling.weights;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.deltasampling.file.Quoted;
import org.deltasampling.file.SystemReason;

/** JSON in files and in the headers of files: objects without duplicate keys, of bounded size. */
public final class JsonFile {

    /** No config, index or header of a model is nearly as large; what is read takes several times as much memory. */
    static final int MAX_BYTES = 32 << 20;

    /** Python writes the infinite defaults of some schedulers as JSON does not have them. */
    static final ObjectMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    private JsonFile() {}

    /**
     * The object in {@code file}.
     *
     * @throws BadWeightsException if it cannot be read, is too large or is not a JSON object
     */
    public static JsonNode read(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new BadWeightsException("%s is missing or not a file".formatted(file));
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(MAX_BYTES + 1);
            if (bytes.length > MAX_BYTES) {
                throw new BadWeightsException(
                        "%s is larger than any config of a model: download or copy it again".formatted(file));
            }
            return object(JSON.readTree(bytes), file.toString());
        } catch (JsonProcessingException e) {
            throw notJson(file.toString(), e);
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(file, SystemReason.of(e)), e);
        }
    }

    /**
     * The object in {@code text}.
     *
     * @param subject what the text is, for the message
     * @throws BadWeightsException if it is not a JSON object
     */
    public static JsonNode parse(String text, String subject) {
        try {
            return object(JSON.readTree(text), subject);
        } catch (JsonProcessingException e) {
            throw notJson(subject, e);
        }
    }

    private static JsonNode object(JsonNode node, String subject) {
        if (!node.isObject()) {
            throw new BadWeightsException("%s is not a JSON object: download or copy it again".formatted(subject));
        }
        return node;
    }

    private static BadWeightsException notJson(String subject, JsonProcessingException e) {
        return new BadWeightsException(
                "%s is not valid JSON (%s): download or copy it again"
                        .formatted(subject, Quoted.of(e.getOriginalMessage())),
                e);
    }
}
