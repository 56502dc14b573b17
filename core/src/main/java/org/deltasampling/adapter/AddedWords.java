package org.deltasampling.adapter;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Words that a text encoder knows besides its vocabulary (textual inversion, Gal et al. 2022).
 *
 * @param vectors of each word: one row of the token embedding for each of its tokens; a word without any is left out of prompts
 */
public record AddedWords(Map<String, List<float[]>> vectors) {

    /** No words. */
    public static final AddedWords NONE = new AddedWords(Map.of());

    public AddedWords {
        vectors = Collections.unmodifiableMap(new LinkedHashMap<>(vectors));
    }

    /** These and {@code more}; of a word in both it is {@code more}'s. */
    public AddedWords with(AddedWords more) {
        Map<String, List<float[]>> all = new LinkedHashMap<>(vectors);
        all.putAll(more.vectors);
        return new AddedWords(all);
    }

    /**
     * The ids of the tokens of each word.
     *
     * @param vocabulary how many tokens the text encoder knows by itself; these follow
     */
    public Map<String, List<Integer>> ids(int vocabulary) {
        Map<String, List<Integer>> ids = new LinkedHashMap<>();
        int next = vocabulary;
        for (Map.Entry<String, List<float[]>> word : vectors.entrySet()) {
            List<Integer> own = new ArrayList<>();
            for (int i = 0; i < word.getValue().size(); i++) {
                own.add(next++);
            }
            ids.put(word.getKey(), own);
        }
        return ids;
    }

    /** Whether there are none. */
    public boolean isEmpty() {
        return vectors.isEmpty();
    }

    /** All rows in the order of their {@link #ids}. */
    public List<float[]> rows() {
        return vectors.values().stream().flatMap(List::stream).toList();
    }
}
