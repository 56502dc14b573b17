package org.deltasampling.lab;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A CLIP vocabulary in which each word of the captions is one token; any other word falls apart into bytes. Ids in CLIP's
 * order: 256 bytes, the same at the end of a word, merges, start, end.
 */
final class Vocabulary {

    private static final String START = "<|startoftext|>";
    private static final String END = "<|endoftext|>";
    /** Ids in an encoded prompt: enough for these captions, and far cheaper to train with than CLIP's 77. */
    private static final int LENGTH = 32;

    private static final String END_OF_WORD = "</w>";

    private final Map<String, Integer> ids = new LinkedHashMap<>();
    private final Set<String> merges = new LinkedHashSet<>();

    private Vocabulary() {}

    /** The words of every caption of {@code domain}. */
    static Vocabulary of(Drawing.Domain domain) {
        Vocabulary vocabulary = new Vocabulary();
        List<String> bytes = bytes();
        bytes.forEach(vocabulary::add);
        bytes.forEach(b -> vocabulary.add(b + END_OF_WORD));
        Drawing.words(domain).forEach(vocabulary::addWord);
        vocabulary.add(START);
        vocabulary.add(END);
        return vocabulary;
    }

    int size() {
        return ids.size();
    }

    int start() {
        return ids.getOrDefault(START, -1);
    }

    int end() {
        return ids.getOrDefault(END, -1);
    }

    /** Writes vocab.json, merges.txt and tokenizer_config.json into {@code folder}. */
    void write(Path folder, String pad) {
        try {
            writeFiles(folder, pad);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + folder, e);
        }
    }

    private void writeFiles(Path folder, String pad) throws IOException {
        Files.createDirectories(folder);
        ObjectMapper json = new ObjectMapper();
        json.writeValue(folder.resolve("vocab.json").toFile(), ids);
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\n" + String.join("\n", merges) + "\n");
        ObjectNode config = json.createObjectNode()
                .put("tokenizer_class", "CLIPTokenizer")
                .put("model_max_length", LENGTH)
                .put("bos_token", START)
                .put("eos_token", END)
                .put("unk_token", END)
                .put("pad_token", pad);
        json.writerWithDefaultPrettyPrinter()
                .writeValue(folder.resolve("tokenizer_config.json").toFile(), config);
    }

    private void add(String token) {
        ids.putIfAbsent(token, ids.size());
    }

    /** Adds merges, from the left, after those that earlier words brought have been applied. */
    private void addWord(String word) {
        List<String> parts = new ArrayList<>();
        word.chars().forEach(c -> parts.add(Character.toString(c)));
        parts.set(parts.size() - 1, parts.get(parts.size() - 1) + END_OF_WORD);
        for (String merge : merges) {
            String[] pair = merge.split(" ", -1);
            for (int i = 0; i + 1 < parts.size(); i++) {
                if (parts.get(i).equals(pair[0]) && parts.get(i + 1).equals(pair[1])) {
                    parts.set(i, pair[0] + pair[1]);
                    parts.remove(i + 1);
                }
            }
        }
        while (parts.size() > 1) {
            merges.add(parts.get(0) + " " + parts.get(1));
            parts.set(0, parts.get(0) + parts.remove(1));
            add(parts.get(0));
        }
    }

    /** The 256 bytes as GPT-2 writes them: printable ones as themselves, the others from U+0100 on. */
    private static List<String> bytes() {
        List<String> printable = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (int b = 0; b < 256; b++) {
            boolean shown = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            if (shown) {
                printable.add(Character.toString(b));
            } else {
                others.add(Character.toString(256 + others.size()));
            }
        }
        printable.addAll(others);
        return printable;
    }
}
