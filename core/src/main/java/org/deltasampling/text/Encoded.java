package org.deltasampling.text;

import java.util.Arrays;
import java.util.List;

/**
 * A prompt as a text encoder reads it.
 *
 * @param ids start token (CLIP), the prompt's tokens, end token, padding; exactly the tokenizer's length
 * @param cut the end of the prompt that did not fit, as it was written; empty if everything fitted
 */
public record Encoded(long[] ids, String cut) {

    public Encoded {
        ids = ids.clone();
    }

    /** {@code first}, as many of {@code tokens} as fit, {@code end}, and {@code pad} until there are {@code length} ids. */
    static Encoded of(String prompt, List<Token> tokens, long[] first, int end, int pad, int length) {
        int kept = Math.min(tokens.size(), length - first.length - 1);
        long[] ids = Arrays.copyOf(first, length);
        for (int i = 0; i < kept; i++) {
            ids[first.length + i] = tokens.get(i).id();
        }
        ids[first.length + kept] = end;
        Arrays.fill(ids, first.length + kept + 1, length, pad);
        return new Encoded(
                ids,
                kept == tokens.size()
                        ? ""
                        : prompt.substring(tokens.get(kept).from()).strip());
    }

    @Override
    public long[] ids() {
        return ids.clone();
    }
}
