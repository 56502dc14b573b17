package org.deltasampling.text;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.deltasampling.weights.BadWeightsException;

/** Reads the {@code tokenizer} folder of a diffusers model, in either of the two layouts that Hugging Face writes. */
final class TokenizerFolder {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;
    private final Map<String, Integer> vocabulary = new HashMap<>();
    private final List<String> merges = new ArrayList<>();
    private final Set<String> added = new LinkedHashSet<>();
    private final Set<String> addedLowerCase = new LinkedHashSet<>();

    private TokenizerFolder(Path folder) {
        this.folder = folder;
    }

    static ClipTokenizer.Parts read(Path folder) {
        return new TokenizerFolder(folder).parts();
    }

    private ClipTokenizer.Parts parts() {
        JsonNode config = json("tokenizer_config.json");
        JsonNode specials = json("special_tokens_map.json");
        if (Files.exists(folder.resolve("tokenizer.json"))) {
            readTokenizerJson(json("tokenizer.json"));
        } else if (Files.exists(folder.resolve("vocab.json")) && Files.exists(folder.resolve("merges.txt"))) {
            readVocabularyAndMerges(config);
        } else {
            throw new BadWeightsException("no tokenizer in " + folder
                    + ": put the model's tokenizer.json there, or its vocab.json and merges.txt");
        }
        String start = special("bos_token", config, specials, ClipTokenizer.START);
        String end = special("eos_token", config, specials, ClipTokenizer.END);
        String pad = special("pad_token", config, specials, end);
        // a configuration without a limit has a number like 1e30 there
        double length = config.path("model_max_length").asDouble(ClipTokenizer.LENGTH);
        return new ClipTokenizer.Parts(
                vocabulary,
                merges,
                added,
                addedLowerCase,
                start,
                end,
                pad,
                length >= 3 && length <= 1024 ? (int) length : ClipTokenizer.LENGTH);
    }

    private void readTokenizerJson(JsonNode tokenizer) {
        JsonNode model = tokenizer.path("model");
        if (!model.path("type").asText().equals("BPE")
                || !model.path("end_of_word_suffix").asText().equals(ClipTokenizer.END_OF_WORD)) {
            throw new BadWeightsException(folder.resolve("tokenizer.json")
                    + " is not a CLIP tokenizer: SD-1 and SD-2 models need byte pairs ending in </w>");
        }
        readVocabulary(model.path("vocab"));
        for (JsonNode merge : model.path("merges")) {
            merges.add(
                    merge.isArray()
                            ? merge.path(0).asText() + " " + merge.path(1).asText()
                            : merge.asText());
        }
        for (JsonNode token : tokenizer.path("added_tokens")) {
            String content = token.path("content").asText();
            vocabulary.put(content, token.path("id").asInt());
            add(content, token);
        }
    }

    private void readVocabularyAndMerges(JsonNode config) {
        readVocabulary(json("vocab.json"));
        text("merges.txt")
                .lines()
                .filter(line -> !line.startsWith("#version") && !line.isBlank())
                .forEach(merges::add);
        json("added_tokens.json").properties().forEach(token -> {
            vocabulary.put(token.getKey(), token.getValue().asInt());
            added.add(token.getKey());
        });
        config.path("added_tokens_decoder").properties().forEach(token -> {
            String content = token.getValue().path("content").asText();
            vocabulary.put(content, Integer.parseInt(token.getKey()));
            add(content, token.getValue());
        });
    }

    private void readVocabulary(JsonNode tokens) {
        tokens.properties()
                .forEach(
                        token -> vocabulary.put(token.getKey(), token.getValue().asInt()));
    }

    /** The special token called {@code key}, which is then also found in prompts. */
    private String special(String key, JsonNode config, JsonNode specials, String otherwise) {
        JsonNode token = specials.has(key) ? specials.path(key) : config.path(key);
        String content =
                token.isTextual() ? token.asText() : token.path("content").asText(otherwise);
        add(content, token);
        return content;
    }

    private void add(String content, JsonNode token) {
        if (token.path("normalized").asBoolean() && !added.contains(content)) {
            addedLowerCase.add(content);
        } else {
            added.add(content);
            addedLowerCase.remove(content);
        }
    }

    private JsonNode json(String name) {
        if (!Files.exists(folder.resolve(name))) {
            return MissingNode.getInstance();
        }
        try {
            return JSON.readTree(text(name));
        } catch (JacksonException e) {
            throw new BadWeightsException(
                    folder.resolve(name) + " is not valid JSON: get the file again from its source", e);
        }
    }

    private String text(String name) {
        try {
            return Files.readString(folder.resolve(name));
        } catch (MalformedInputException e) {
            throw new BadWeightsException(
                    folder.resolve(name) + " is not UTF-8 text: get the file again from its source", e);
        } catch (IOException e) {
            throw new BadWeightsException("cannot read " + folder.resolve(name) + ": " + e.getMessage(), e);
        }
    }
}
