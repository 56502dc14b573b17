package org.deltasampling.text;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deltasampling.file.Quoted;
import org.deltasampling.weights.BadWeightsException;
import org.jspecify.annotations.Nullable;

/**
 * Byte pair encoding of one word (Sennrich et al. 2016) over printable stand-ins for the 256 bytes (GPT-2); the last
 * symbol of a word carries the suffix {@value #END_OF_WORD}.
 */
final class BytePairs {

    static final String END_OF_WORD = "</w>";

    private static final String[] BYTE_SYMBOLS = new String[256];
    private static final int[] BYTE_ORDER = new int[256];

    static {
        int printable = 0;
        for (int b = 0; b < 256; b++) {
            if ((b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE) {
                BYTE_SYMBOLS[b] = String.valueOf((char) b);
                BYTE_ORDER[printable++] = b;
            }
        }
        int other = 0;
        for (int b = 0; b < 256; b++) {
            if (BYTE_SYMBOLS[b] == null) {
                BYTE_SYMBOLS[b] = String.valueOf((char) (256 + other));
                BYTE_ORDER[printable + other++] = b;
            }
        }
    }

    private record Pair(int left, int right) {}

    private record Merge(int rank, int result) {}

    private final Map<String, Integer> vocabulary;
    private final Map<Pair, Merge> merges;
    private final int unknown;

    /**
     * @param merges pairs to join, the first being the most urgent, as {@code "left right"}
     * @param unknown id of symbols that the vocabulary lacks
     * @throws BadWeightsException if the vocabulary lacks a symbol of a merge
     */
    BytePairs(Map<String, Integer> vocabulary, List<String> merges, int unknown) {
        this.vocabulary = vocabulary;
        this.unknown = unknown;
        this.merges = new HashMap<>(merges.size() * 2);
        for (int rank = 0; rank < merges.size(); rank++) {
            String merge = merges.get(rank);
            int space = merge.indexOf(' ');
            Integer left = vocabulary.get(merge.substring(0, Math.max(space, 0)));
            Integer right = vocabulary.get(merge.substring(space + 1));
            Integer result = vocabulary.get(merge.replace(" ", ""));
            if (left == null || right == null || result == null) {
                throw new BadWeightsException(
                        "merge number %d, \"%s\", does not fit the vocabulary: ".formatted(rank + 1, Quoted.of(merge))
                                + "take the vocabulary and the merges from the same model");
            }
            this.merges.putIfAbsent(new Pair(left, right), new Merge(rank, result));
        }
    }

    /** The vocabulary that {@code merges} define: the 256 bytes, the same ending a word, one token a merge, then {@code specials}. */
    static Map<String, Integer> vocabularyOf(List<String> merges, List<String> specials) {
        Map<String, Integer> vocabulary = new LinkedHashMap<>(2 * (512 + merges.size() + specials.size()));
        for (String suffix : List.of("", END_OF_WORD)) {
            for (int b : BYTE_ORDER) {
                vocabulary.put(BYTE_SYMBOLS[b] + suffix, vocabulary.size());
            }
        }
        for (String merge : merges) {
            vocabulary.put(merge.replace(" ", ""), vocabulary.size());
        }
        for (String special : specials) {
            vocabulary.put(special, vocabulary.size());
        }
        return vocabulary;
    }

    /** The ids of {@code word}, which is not empty and holds no white space. */
    int[] encode(String word) {
        byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
        int[] symbols = new int[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            String symbol = BYTE_SYMBOLS[bytes[i] & 0xFF] + (i == bytes.length - 1 ? END_OF_WORD : "");
            symbols[i] = vocabulary.getOrDefault(symbol, unknown);
        }
        int length = symbols.length;
        for (Merge merge = mostUrgent(symbols, length); merge != null; merge = mostUrgent(symbols, length)) {
            int kept = 0;
            for (int i = 0; i < length; i++) {
                if (i + 1 < length && merge.equals(merges.get(new Pair(symbols[i], symbols[i + 1])))) {
                    symbols[kept++] = merge.result;
                    i++;
                } else {
                    symbols[kept++] = symbols[i];
                }
            }
            length = kept;
        }
        return Arrays.copyOf(symbols, length);
    }

    private @Nullable Merge mostUrgent(int[] symbols, int length) {
        Merge best = null;
        for (int i = 0; i + 1 < length; i++) {
            Merge merge = merges.get(new Pair(symbols[i], symbols[i + 1]));
            if (merge != null && (best == null || merge.rank < best.rank)) {
                best = merge;
            }
        }
        return best;
    }
}
