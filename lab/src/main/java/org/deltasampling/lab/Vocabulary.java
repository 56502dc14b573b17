package org.deltasampling.lab;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.deltasampling.text.ClipTokenizer;

/** A CLIP vocabulary in which each word of the captions is one token; other words become tokens of single characters. */
final class Vocabulary {

    /** Tokens of an encoded prompt: enough for these captions and much cheaper to train with than CLIP's 77. */
    private static final int LENGTH = 32;

    private final List<String> merges;
    private final Map<String, Integer> ids;

    private Vocabulary(Set<String> merges) {
        this.merges = List.copyOf(merges);
        ids = ClipTokenizer.vocabulary(this.merges);
    }

    /** The words of every caption of {@code domain}. */
    static Vocabulary of(Drawing.Domain domain) {
        Set<String> merges = new LinkedHashSet<>();
        Drawing.words(domain).forEach(word -> addMerges(word, merges));
        return new Vocabulary(merges);
    }

    int size() {
        return ids.size();
    }

    int start() {
        return ids.getOrDefault(ClipTokenizer.START, -1);
    }

    int end() {
        return ids.getOrDefault(ClipTokenizer.END, -1);
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
                .put("bos_token", ClipTokenizer.START)
                .put("eos_token", ClipTokenizer.END)
                .put("unk_token", ClipTokenizer.END)
                .put("pad_token", pad);
        json.writerWithDefaultPrettyPrinter()
                .writeValue(folder.resolve("tokenizer_config.json").toFile(), config);
    }

    /** Adds the merges, from the left, that {@code word} needs besides those of earlier words. */
    private static void addMerges(String word, Set<String> merges) {
        List<String> parts = new ArrayList<>();
        word.chars().forEach(c -> parts.add(Character.toString(c)));
        parts.set(parts.size() - 1, parts.get(parts.size() - 1) + ClipTokenizer.END_OF_WORD);
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
        }
    }
}
