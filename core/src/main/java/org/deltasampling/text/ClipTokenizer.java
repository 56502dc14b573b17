package org.deltasampling.text;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deltasampling.weights.BadWeightsException;

/**
 * The tokenizer of CLIP's text encoders (Radford et al. 2021): canonical composition, lower case, words by a regular
 * expression, byte pairs in each word. Gives the ids that Hugging Face's fast tokenizer gives.
 */
public final class ClipTokenizer {

    /** The token before every prompt. */
    public static final String START = "<|startoftext|>";

    /** The token after every prompt. */
    public static final String END = "<|endoftext|>";

    /** What a token that ends a word has at its end. */
    public static final String END_OF_WORD = "</w>";

    static final int LENGTH = 77;

    /**
     * What a tokenizer is made of.
     *
     * @param vocabulary token to id, added tokens included
     * @param merges as {@link BytePairs} reads them
     * @param added tokens found whole in the prompt as it is written
     * @param addedLowerCase tokens found whole in the lower-cased prompt
     * @param length ids in an encoded prompt
     */
    record Parts(
            Map<String, Integer> vocabulary,
            List<String> merges,
            Collection<String> added,
            Collection<String> addedLowerCase,
            String start,
            String end,
            String pad,
            int length) {}

    private final Map<String, Integer> vocabulary;
    private final BytePairs bytePairs;
    private final Pattern added;
    private final Pattern words;
    private final int start;
    private final int end;
    private final int pad;
    private final int length;

    ClipTokenizer(Parts parts) {
        vocabulary = parts.vocabulary;
        start = id(parts.start);
        end = id(parts.end);
        pad = id(parts.pad);
        length = parts.length;
        bytePairs = new BytePairs(vocabulary, parts.merges, end);
        added = Pattern.compile(anyOf(parts.added));
        words = words(anyOf(parts.addedLowerCase));
    }

    /**
     * The 49,408 tokens that OpenAI trained CLIP with, for a model that brings no tokenizer.
     *
     * @param pad the token that fills up a short prompt: {@code "<|endoftext|>"} in SD-1, {@code "!"} (id 0) in SD-2
     */
    public static ClipTokenizer openAi(String pad) {
        try (InputStream in = ClipTokenizer.class.getResourceAsStream("clip-merges.txt")) {
            if (in == null) {
                throw new IllegalStateException("clip-merges.txt is missing from the class path");
            }
            List<String> merges = new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            List<String> lowerCase =
                    Stream.of(START, END).filter(token -> !token.equals(pad)).toList();
            return new ClipTokenizer(
                    new Parts(vocabulary(merges), merges, List.of(pad), lowerCase, START, END, pad, LENGTH));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Tokens and ids, in CLIP's order: 256 bytes, the same ending a word, one token a merge ("left right"), start, end. */
    public static Map<String, Integer> vocabulary(List<String> merges) {
        return BytePairs.vocabularyOf(merges, List.of(START, END));
    }

    /**
     * The tokenizer in a model's {@code tokenizer} folder: {@code tokenizer.json}, or {@code vocab.json} and
     * {@code merges.txt}.
     *
     * @throws BadWeightsException if neither is there, or they cannot be used
     */
    public static ClipTokenizer of(Path folder) {
        return new ClipTokenizer(TokenizerFolder.read(folder));
    }

    /** One more than the largest id: the rows that a text encoder's embedding must have at least. */
    public int vocabularySize() {
        return vocabulary.values().stream().mapToInt(id -> id + 1).max().orElse(0);
    }

    /** The ids of {@code prompt}, cut or padded to the model's length. */
    public Encoded encode(String prompt) {
        String text = Normalizer.normalize(prompt, Normalizer.Form.NFC);
        return Encoded.of(text, Token.of(text, added, this::id, this::addWords), new long[] {start}, end, pad, length);
    }

    private void addWords(String text, int from, int to, List<Token> tokens) {
        StringBuilder lower = new StringBuilder(to - from);
        int[] origin = new int[3 * (to - from)]; // no character has more than three in lower case
        for (int i = from; i < to; i = text.offsetByCodePoints(i, 1)) {
            int before = lower.length();
            // one code point at a time: the tokenizer knows no final sigma
            lower.append(Character.toString(text.codePointAt(i)).toLowerCase(Locale.ROOT));
            Arrays.fill(origin, before, lower.length(), i);
        }
        for (Matcher word = words.matcher(lower); word.find(); ) {
            int at = origin[word.start()];
            if (word.start("added") >= 0) {
                tokens.add(new Token(id(word.group()), at));
            } else {
                for (int id : bytePairs.encode(word.group())) {
                    tokens.add(new Token(id, at));
                }
            }
        }
    }

    private int id(String token) {
        Integer id = vocabulary.get(token);
        if (id == null) {
            throw new BadWeightsException("the tokenizer's vocabulary has no \"" + token
                    + "\", which its configuration names: take all its files from the same model");
        }
        return id;
    }

    /** CLIP's words; a run of letters or of signs ends where an added token begins. */
    private static Pattern words(String added) {
        return Pattern.compile(
                "(?<added>%1$s)|'s|'t|'re|'ve|'m|'ll|'d|(?:(?!%1$s)\\p{L})++|\\p{N}|(?:(?!%1$s)[^\\s\\p{L}\\p{N}])++"
                        .formatted(added),
                Pattern.UNICODE_CHARACTER_CLASS);
    }

    /** A regular expression for the longest of {@code tokens}; without any, one that matches nowhere. */
    private static String anyOf(Collection<String> tokens) {
        return tokens.isEmpty()
                ? "(?!)"
                : tokens.stream()
                        .sorted(Comparator.comparingInt(String::length).reversed())
                        .map(Pattern::quote)
                        .collect(Collectors.joining("|", "(?:", ")"));
    }
}
