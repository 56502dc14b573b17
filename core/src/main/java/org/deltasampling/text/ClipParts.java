package org.deltasampling.text;

import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * What a CLIP tokenizer is made of.
 *
 * @param vocabulary token to id, added tokens included
 * @param merges as {@link BytePairs} reads them
 * @param added tokens found whole in the prompt as it is written
 * @param addedLowerCase tokens found whole in the lower-cased prompt
 * @param length ids in an encoded prompt
 */
record ClipParts(
        Map<String, Integer> vocabulary,
        List<String> merges,
        Collection<String> added,
        Collection<String> addedLowerCase,
        String start,
        String end,
        String pad,
        int length) {

    static final String START = "<|startoftext|>";
    static final String END = "<|endoftext|>";

    /** Of every published model. */
    static final int LENGTH = 77;
}
