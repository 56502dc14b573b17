package org.deltasampling.text;

/**
 * A prompt as a text encoder reads it.
 *
 * @param ids start token, the prompt's tokens, end token, padding; exactly the tokenizer's length
 * @param cut the end of the prompt that did not fit, in its own spelling; empty if everything fitted
 */
public record Encoded(long[] ids, String cut) {

    public Encoded {
        ids = ids.clone();
    }

    @Override
    public long[] ids() {
        return ids.clone();
    }
}
