package org.deltasampling.text;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToIntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A token, of the word that begins at character {@code from} of the prompt. */
record Token(int id, int from) {

    /** Splits a text that has no added tokens. */
    interface Splitter {

        /** Adds the tokens of the characters of {@code prompt} from {@code from} to {@code to}. */
        void addWords(String prompt, int from, int to, List<Token> tokens);
    }

    /**
     * The tokens of {@code prompt}.
     *
     * @param added finds those that are tokens as they stand
     * @param id of such a one
     * @param splitter of what is between them
     */
    static List<Token> of(String prompt, Pattern added, ToIntFunction<String> id, Splitter splitter) {
        List<Token> tokens = new ArrayList<>();
        int from = 0;
        for (Matcher token = added.matcher(prompt); token.find(); from = token.end()) {
            splitter.addWords(prompt, from, token.start(), tokens);
            tokens.add(new Token(id.applyAsInt(token.group()), token.start()));
        }
        splitter.addWords(prompt, from, prompt.length(), tokens);
        return tokens;
    }
}
