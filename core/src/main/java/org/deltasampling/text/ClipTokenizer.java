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
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deltasampling.file.Quoted;
import org.deltasampling.weights.BadWeightsException;

/**
 * The tokenizer of CLIP's text encoders (Radford et al. 2021): canonical composition, lower case, words by a regular
 * expression, byte pairs in each word. Gives the ids that Hugging Face's fast tokenizer gives.
 */
public final class ClipTokenizer {

    /** The token before every prompt. */
    public static final String START = ClipParts.START;

    /** The token after every prompt. */
    public static final String END = ClipParts.END;

    /** What a token that ends a word has at its end. */
    public static final String END_OF_WORD = BytePairs.END_OF_WORD;

    private final ClipParts parts;
    private final Map<String, List<Integer>> words;
    private final BytePairs bytePairs;
    private final Pattern added;
    private final Pattern pattern;
    private final int start;
    private final int end;
    private final int pad;

    ClipTokenizer(ClipParts parts) {
        this.parts = parts;
        words = Map.of();
        start = id(parts.start());
        end = id(parts.end());
        pad = id(parts.pad());
        bytePairs = new BytePairs(parts.vocabulary(), parts.merges(), end);
        added = Pattern.compile(anyOf(parts.added()));
        pattern = pattern(anyOf(parts.addedLowerCase()));
    }

    private ClipTokenizer(ClipTokenizer base, Map<String, List<Integer>> words) {
        this.words = words;
        parts = base.parts;
        start = base.start;
        end = base.end;
        pad = base.pad;
        bytePairs = base.bytePairs;
        added = base.added;
        Set<String> all = new LinkedHashSet<>(parts.addedLowerCase());
        all.addAll(words.keySet());
        pattern = pattern(anyOf(all));
    }

    /**
     * The same tokenizer with words that stand for further ids, as a textual inversion brings them (Gal et al. 2022).
     *
     * @param more the ids of each word, those of its embeddings one after the other; a word is found in any case, wherever it
     *     stands in a prompt
     */
    public ClipTokenizer with(Map<String, List<Integer>> more) {
        Map<String, List<Integer>> all = new HashMap<>(words);
        more.forEach(
                (word, ids) -> all.put(lowerCase(Normalizer.normalize(word, Normalizer.Form.NFC)), List.copyOf(ids)));
        return new ClipTokenizer(this, all);
    }

    /**
     * The 49,408 tokens that OpenAI trained CLIP with, for a model that brings no tokenizer.
     *
     * @param pad the token that pads a short prompt: {@code "<|endoftext|>"} in SD-1, {@code "!"} (id 0) in SD-2
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
            return new ClipTokenizer(new ClipParts(
                    vocabulary(merges), merges, List.of(pad), lowerCase, START, END, pad, ClipParts.LENGTH));
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
        ClipParts parts = TokenizerFolder.read(folder);
        try {
            return new ClipTokenizer(parts);
        } catch (BadWeightsException e) {
            throw new BadWeightsException(
                    "the tokenizer in %s cannot be used: %s".formatted(folder, e.getMessage()), e);
        }
    }

    /** One more than its own largest id: the rows that a text encoder's embedding must have at least. */
    public int vocabularySize() {
        return parts.vocabulary().values().stream().mapToInt(id -> id + 1).max().orElse(0);
    }

    /** The token with its largest id. */
    public String lastToken() {
        return parts.vocabulary().entrySet().stream()
                .max(Map.Entry.comparingByValue())
                .map(Map.Entry::getKey)
                .orElse("");
    }

    /** Ids in an encoded prompt. */
    public int length() {
        return parts.length();
    }

    /** The ids of {@code prompt}, cut or padded to the model's length. */
    public Encoded encode(String prompt) {
        String text = Normalizer.normalize(prompt, Normalizer.Form.NFC);
        return Encoded.of(
                text, Token.of(text, added, this::id, this::addWords), new long[] {start}, end, pad, parts.length());
    }

    private void addWords(String text, int from, int to, List<Token> tokens) {
        StringBuilder lower = new StringBuilder(to - from);
        int[] origin = new int[3 * (to - from)]; // no character has more than three in lower case
        for (int i = from; i < to; i = text.offsetByCodePoints(i, 1)) {
            int before = lower.length();
            lower.append(lowerCase(text.codePointAt(i)));
            Arrays.fill(origin, before, lower.length(), i);
        }
        for (Matcher word = pattern.matcher(lower); word.find(); ) {
            int at = origin[word.start()];
            if (word.start("added") >= 0) {
                addedIds(word.group()).forEach(id -> tokens.add(new Token(id, at)));
            } else {
                for (int id : bytePairs.encode(word.group())) {
                    tokens.add(new Token(id, at));
                }
            }
        }
    }

    private List<Integer> addedIds(String word) {
        List<Integer> ids = words.get(word);
        return ids == null ? List.of(id(word)) : ids;
    }

    private static String lowerCase(String text) {
        return text.codePoints().mapToObj(ClipTokenizer::lowerCase).collect(Collectors.joining());
    }

    /** One code point at a time: CLIP's tokenizer has no rule for the final sigma. */
    private static String lowerCase(int codePoint) {
        return Character.toString(codePoint).toLowerCase(Locale.ROOT);
    }

    private int id(String token) {
        Integer id = parts.vocabulary().get(token);
        if (id == null) {
            throw new BadWeightsException("its vocabulary has no \"%s\", which its configuration names: %s"
                    .formatted(Quoted.of(token), "take all its files from the same model"));
        }
        return id;
    }

    /** CLIP's words; a run of letters or of signs ends where an added token begins. */
    private static Pattern pattern(String added) {
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
