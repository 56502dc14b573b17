package org.deltasampling.text;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToIntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.deltasampling.text.T5Parts.Added;
import org.deltasampling.weights.BadWeightsException;

/**
 * The tokenizer of T5 (Raffel et al. 2020): a SentencePiece unigram model (Kudo 2018) over words that each begin with the
 * sign {@code U+2581}. Gives the ids that Hugging Face's fast tokenizer gives.
 */
public final class T5Tokenizer {

    private static final char SPACE = '\u2581';

    private final T5Parts parts;
    private final Pattern added;
    private final Map<String, Integer> addedIds;
    private final Pattern words;
    private final int pad;
    private final int end;

    T5Tokenizer(T5Parts parts) {
        this.parts = parts;
        addedIds = parts.added().stream().collect(Collectors.toMap(Added::content, Added::id, (a, b) -> b));
        ToIntFunction<Added> length = a -> a.content().length();
        added = Pattern.compile(
                parts.added().isEmpty()
                        ? "(?!)"
                        : parts.added().stream()
                                .sorted(Comparator.comparingInt(length).reversed())
                                .map(Added::pattern)
                                .collect(Collectors.joining("|")),
                Pattern.UNICODE_CHARACTER_CLASS);
        words = Pattern.compile(parts.anyWhitespace() ? "\\S+" : "[^ ]+", Pattern.UNICODE_CHARACTER_CLASS);
        pad = special(T5Parts.PAD);
        end = special(T5Parts.END);
    }

    /**
     * The tokenizer in {@code path}: a folder with {@code tokenizer.json} or {@code spiece.model}, such as SD-3's {@code
     * tokenizer_3}, or one of these files.
     *
     * @throws BadWeightsException saying which file is wanted if there is none, or what is wrong with it
     */
    public static T5Tokenizer of(Path path) {
        Path json = Files.isDirectory(path) ? path.resolve("tokenizer.json") : path;
        Path model = Files.isDirectory(path) ? path.resolve("spiece.model") : path;
        if (json.toString().endsWith(".json") && Files.exists(json)) {
            return of(json, UnigramFiles.json(json));
        }
        if (model.toString().endsWith(".model") && Files.exists(model)) {
            return of(model, UnigramFiles.sentencePiece(model));
        }
        throw new BadWeightsException(("there is no T5 tokenizer at %s: give the tokenizer.json or the spiece.model of"
                        + " google/t5-v1_1-xxl, which the folder tokenizer_3 of a Stable Diffusion 3 model holds")
                .formatted(path));
    }

    private static T5Tokenizer of(Path file, T5Parts parts) {
        try {
            return new T5Tokenizer(parts);
        } catch (BadWeightsException e) {
            throw new BadWeightsException("%s cannot be used: %s".formatted(file, e.getMessage()), e);
        }
    }

    /** One more than the largest id: the rows that a text encoder's embedding must have at least. */
    public int vocabularySize() {
        int inModel = parts.model().size();
        return parts.added().stream().mapToInt(a -> a.id() + 1).reduce(inModel, Math::max);
    }

    /** The token with the largest id. */
    public String lastToken() {
        return parts.added().stream()
                .filter(a -> a.id() == vocabularySize() - 1)
                .map(Added::content)
                .findFirst()
                .orElseGet(() -> parts.model().piece(vocabularySize() - 1));
    }

    /** The ids of {@code prompt} and the end token, cut or padded to {@code length}. */
    public Encoded encode(String prompt, int length) {
        return Encoded.of(
                prompt,
                Token.of(prompt, added, token -> special(token.strip()), this::addWords),
                new long[0],
                end,
                pad,
                length);
    }

    private void addWords(String prompt, int from, int to, List<Token> tokens) {
        List<Integer> origins = new ArrayList<>(); // of each normalized character in the prompt
        String text = normalized(prompt, from, to, origins);
        for (Matcher word = words.matcher(text); word.find(); ) {
            int at = origins.get(word.start());
            boolean begins = parts.everyWord() || at == 0;
            String marked = begins && word.group().charAt(0) != SPACE ? SPACE + word.group() : word.group();
            for (String piece : pieces(marked)) {
                for (int id : parts.model().encode(piece)) {
                    tokens.add(new Token(id, at));
                }
            }
        }
    }

    /** A word is cut before each sign that it has inside. */
    private static List<String> pieces(String word) {
        List<String> pieces = new ArrayList<>();
        int from = 0;
        for (int at = word.indexOf(SPACE, 1); at > 0; at = word.indexOf(SPACE, at + 1)) {
            pieces.add(word.substring(from, at));
            from = at;
        }
        pieces.add(word.substring(from));
        return pieces;
    }

    private String normalized(String prompt, int from, int to, List<Integer> origins) {
        StringBuilder text = new StringBuilder();
        CharsMap map = parts.normalized();
        if (map == null) {
            text.append(prompt, from, to);
            for (int i = from; i < to; i++) {
                origins.add(i);
            }
        } else {
            map.replace(prompt.substring(from, to), (part, at) -> {
                text.append(part);
                for (int i = 0; i < part.length(); i++) {
                    origins.add(from + at);
                }
            });
        }
        return text.toString();
    }

    private int special(String token) {
        return Objects.requireNonNullElseGet(
                addedIds.get(token), () -> parts.model().id(token));
    }
}
