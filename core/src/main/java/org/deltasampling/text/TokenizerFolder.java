package org.deltasampling.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
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

    /** From here on {@code model_max_length} stands for no limit: Hugging Face writes 1e30. */
    private static final double NO_LIMIT = 1e6;

    /** A start, a token and an end. */
    private static final int SHORTEST = 3;

    private final Path folder;
    private final Map<String, Integer> vocabulary = new HashMap<>();
    private final List<String> merges = new ArrayList<>();
    private final Set<String> added = new LinkedHashSet<>();
    private final Set<String> addedLowerCase = new LinkedHashSet<>();

    private TokenizerFolder(Path folder) {
        this.folder = folder;
    }

    static ClipParts read(Path folder) {
        return new TokenizerFolder(folder).parts();
    }

    private ClipParts parts() {
        TokenizerJson config = optional("tokenizer_config.json");
        TokenizerJson specials = optional("special_tokens_map.json");
        if (Files.exists(folder.resolve("tokenizer.json"))) {
            readTokenizerJson(TokenizerJson.read(folder.resolve("tokenizer.json")));
        } else if (Files.exists(folder.resolve("vocab.json")) && Files.exists(folder.resolve("merges.txt"))) {
            readVocabularyAndMerges(config);
        } else {
            throw new BadWeightsException("no tokenizer in " + folder
                    + ": put the model's tokenizer.json there, or its vocab.json and merges.txt");
        }
        String start = special("bos_token", config, specials, ClipParts.START);
        String end = special("eos_token", config, specials, ClipParts.END);
        String pad = special("pad_token", config, specials, end);
        return new ClipParts(vocabulary, merges, added, addedLowerCase, start, end, pad, length(config));
    }

    private static int length(TokenizerJson config) {
        JsonNode length = config.root().path("model_max_length");
        if (length.isMissingNode() || length.isNull()) {
            return ClipParts.LENGTH;
        }
        if (!length.isNumber() || !(length.doubleValue() >= SHORTEST)) {
            throw config.refused("model_max_length", "is not a number from %d on".formatted(SHORTEST));
        }
        return length.doubleValue() >= NO_LIMIT ? ClipParts.LENGTH : length.intValue();
    }

    private void readTokenizerJson(TokenizerJson file) {
        JsonNode model = file.root().path("model");
        if (!model.path("type").asText().equals("BPE")
                || !model.path("end_of_word_suffix").asText().equals(BytePairs.END_OF_WORD)) {
            throw new BadWeightsException(
                    file.file() + " is not a CLIP tokenizer: Stable Diffusion's CLIP needs byte pairs ending in </w>");
        }
        file.forEachId(model.path("vocab"), "vocab", vocabulary::put);
        for (JsonNode merge : model.path("merges")) {
            merges.add(
                    merge.isArray()
                            ? merge.path(0).asText() + " " + merge.path(1).asText()
                            : merge.asText());
        }
        for (JsonNode token : file.root().path("added_tokens")) {
            String content = file.content(token);
            vocabulary.put(content, file.id(token.path("id"), content));
            add(content, token);
        }
    }

    private void readVocabularyAndMerges(TokenizerJson config) {
        TokenizerJson file = TokenizerJson.read(folder.resolve("vocab.json"));
        file.forEachId(file.root(), "the file", vocabulary::put);
        text(folder.resolve("merges.txt"))
                .lines()
                .filter(line -> !line.startsWith("#version") && !line.isBlank())
                .forEach(merges::add);
        TokenizerJson more = optional("added_tokens.json");
        if (!more.root().isMissingNode()) {
            more.forEachId(more.root(), "the file", (token, id) -> {
                vocabulary.put(token, id);
                added.add(token);
            });
        }
        config.root().path("added_tokens_decoder").properties().forEach(token -> {
            String content = config.content(token.getValue());
            vocabulary.put(content, config.id(token.getKey(), content));
            add(content, token.getValue());
        });
    }

    /** The special token called {@code key}, which is then also found in prompts. */
    private String special(String key, TokenizerJson config, TokenizerJson specials, String otherwise) {
        TokenizerJson file = specials.root().has(key) ? specials : config;
        JsonNode token = file.root().path(key);
        String content = otherwise;
        if (token.isTextual() && !token.textValue().isEmpty()) {
            content = token.textValue();
        } else if (token.isObject()) {
            content = file.content(token);
        } else if (!token.isMissingNode() && !token.isNull()) {
            throw file.refused(key, "is not a token");
        }
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

    private TokenizerJson optional(String name) {
        Path file = folder.resolve(name);
        return Files.exists(file) ? TokenizerJson.read(file) : new TokenizerJson(file, MissingNode.getInstance());
    }

    private static String text(Path file) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(TokenizerBytes.read(file, "list of merges")))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new BadWeightsException(file + " is not UTF-8 text: get the file again from its source", e);
        }
    }
}
