package org.deltasampling.adapter;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All that an adapter file says of itself, whatever model it is for. Texts out of the file are cut after 100 characters and have
 * no control characters.
 *
 * @param kinds the number of modules of each kind
 * @param keyFormats whose names its tensors have
 * @param modules how many it changes
 * @param ranks of the modules that have a rank; null if none has
 * @param alphas of those that the file has an alpha for; null if there are none
 * @param contextWidth width of the text embedding that its cross-attention reads; 0 if that does not show
 * @param family the family of models that its shapes and names are of, for people; null if that does not show
 * @param embeddings the words of textual inversions that are bundled with it
 * @param triggerWords what its author names as the trigger, else the most frequent tags of the images it was trained on
 * @param frequentTags those tags and in how many captions they are, the most frequent first
 * @param metadata what is known of its making, by the keys of kohya's scripts and of the ModelSpec
 * @param warnings what is odd, each in one sentence
 */
public record AdapterReport(
        Map<String, Integer> kinds,
        List<String> keyFormats,
        int modules,
        @Nullable Spread ranks,
        @Nullable Spread alphas,
        long contextWidth,
        @Nullable String family,
        List<String> embeddings,
        List<String> triggerWords,
        Map<String, Long> frequentTags,
        Map<String, String> metadata,
        List<String> warnings) {

    public AdapterReport {
        kinds = Collections.unmodifiableMap(new LinkedHashMap<>(kinds));
        keyFormats = List.copyOf(keyFormats);
        embeddings = List.copyOf(embeddings);
        triggerWords = List.copyOf(triggerWords);
        frequentTags = Collections.unmodifiableMap(new LinkedHashMap<>(frequentTags));
        metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
        warnings = List.copyOf(warnings);
    }
}
