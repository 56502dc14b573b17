package org.deltasampling.text;

import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a T5 tokenizer is made of.
 *
 * @param normalized characters that are replaced first; null: none
 * @param anyWhitespace whether words end at any white space, else at blanks only, others having become blanks before
 * @param everyWord whether words after an added token begin with the sign for a blank too
 */
record T5Parts(
        Unigram model, List<Added> added, @Nullable CharsMap normalized, boolean anyWhitespace, boolean everyWord) {

    static final String PAD = "<pad>";
    static final String END = "</s>";

    /** A token that is found whole in the prompt as it is written, perhaps with the white space beside it. */
    record Added(String content, int id, boolean takesLeft, boolean takesRight) {

        String pattern() {
            return (takesLeft ? "\\s*" : "") + Pattern.quote(content) + (takesRight ? "\\s*" : "");
        }
    }
}
