package org.deltasampling.adapter;

import java.util.List;

/**
 * How much of an adapter file one model takes.
 *
 * @param modules that the file changes
 * @param matched those that the model has and that fit
 * @param unmatched the others, by reason
 */
public record AdapterFit(int modules, int matched, List<Unmatched> unmatched) {

    /**
     * Modules that a model cannot take.
     *
     * @param reason in a few words
     * @param examples the first few, as the file names them, cut after 100 characters
     */
    public record Unmatched(String reason, int count, List<String> examples) {

        public Unmatched {
            examples = List.copyOf(examples);
        }
    }

    public AdapterFit {
        unmatched = List.copyOf(unmatched);
    }
}
