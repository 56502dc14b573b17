package org.deltasampling.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import org.deltasampling.file.Quoted;
import org.deltasampling.text.T5Parts.Added;
import org.deltasampling.text.Unigram.Piece;
import org.deltasampling.weights.BadWeightsException;
import org.jspecify.annotations.Nullable;

/** Reads a T5 tokenizer from Hugging Face's {@code tokenizer.json} or SentencePiece's {@code spiece.model}. */
final class UnigramFiles {

    /** Tokens that T5 keeps for its training and that the SentencePiece file does not count. */
    private static final int EXTRA_IDS = 100;

    /** What these do, the splitting into words does anyway. */
    private static final Set<String> HARMLESS_NORMALIZERS = Set.of("Strip", "Replace");

    private UnigramFiles() {}

    static T5Parts json(Path path) {
        TokenizerJson file = TokenizerJson.read(path);
        JsonNode tokenizer = file.root();
        JsonNode model = tokenizer.path("model");
        if (!model.path("type").asText().equals("Unigram")
                || model.path("byte_fallback").asBoolean()) {
            throw new BadWeightsException(path + " is not a T5 tokenizer: its model is not a plain Unigram model");
        }
        List<Piece> pieces = new ArrayList<>();
        for (JsonNode piece : model.path("vocab")) {
            pieces.add(piece(file, piece.path(0), piece.path(1)));
        }
        List<Added> added = new ArrayList<>();
        for (JsonNode token : tokenizer.path("added_tokens")) {
            String content = file.content(token);
            if (!content.equals(content.strip())) {
                throw file.refused("an added token", "begins or ends with white space: '" + Quoted.of(content) + "'");
            }
            added.add(new Added(
                    content,
                    file.id(token.path("id"), content),
                    token.path("lstrip").asBoolean(),
                    token.path("rstrip").asBoolean()));
        }
        List<JsonNode> splits = steps(tokenizer.path("pre_tokenizer"), "pretokenizers");
        boolean anyWhitespace =
                splits.stream().anyMatch(s -> s.path("type").asText().equals("WhitespaceSplit"));
        boolean firstOnly =
                splits.stream().anyMatch(s -> s.path("prepend_scheme").asText().equals("first"));
        int unknown = file.id(model.path("unk_id"), "unk_id");
        if (unknown >= pieces.size()) {
            throw file.refused("unk_id", "is %d, and there are %d tokens".formatted(unknown, pieces.size()));
        }
        return new T5Parts(
                new Unigram(pieces, unknown),
                added,
                normalizer(file, steps(tokenizer.path("normalizer"), "normalizers")),
                anyWhitespace,
                !(anyWhitespace && firstOnly));
    }

    private static Piece piece(TokenizerJson file, JsonNode text, JsonNode score) {
        if (!text.isTextual() || !score.isNumber() || !Double.isFinite(score.doubleValue())) {
            throw file.refused(text.asText("vocab"), "is not a token with its log-probability");
        }
        return new Piece(text.textValue(), score.doubleValue());
    }

    /** A step alone, or the steps of a sequence. */
    private static List<JsonNode> steps(JsonNode node, String list) {
        List<JsonNode> steps = new ArrayList<>();
        if (node.has(list)) {
            node.path(list).forEach(steps::add);
        } else if (node.isObject()) {
            steps.add(node);
        }
        return steps;
    }

    private static @Nullable CharsMap normalizer(TokenizerJson file, List<JsonNode> steps) {
        CharsMap map = null;
        for (JsonNode step : steps) {
            String type = step.path("type").asText();
            if (type.equals("Precompiled")) {
                map = charsMap(file, step.path("precompiled_charsmap").asText());
            } else if (!HARMLESS_NORMALIZERS.contains(type)) {
                throw new BadWeightsException("%s asks for the normalizer %s, which T5's tokenizers do not have:"
                                .formatted(file.file(), Quoted.of(type))
                        + " take the file from the model's own source");
            }
        }
        return map;
    }

    private static @Nullable CharsMap charsMap(TokenizerJson file, String base64) {
        try {
            return charsMap(Base64.getDecoder().decode(base64));
        } catch (IllegalArgumentException e) {
            throw file.refused("precompiled_charsmap", "is damaged");
        }
    }

    private static @Nullable CharsMap charsMap(byte[] table) {
        return table.length == 0 ? null : new CharsMap(table);
    }

    static T5Parts sentencePiece(Path file) {
        byte[] bytes = TokenizerBytes.read(file, "SentencePiece model");
        try {
            return sentencePiece(bytes);
        } catch (BufferUnderflowException | IllegalArgumentException e) {
            throw new BadWeightsException(
                    file + " is not a SentencePiece model, or is cut short: get the file again from its source", e);
        }
    }

    /** The message ModelProto of sentencepiece_model.proto: pieces are field 1, the normalizer is field 3. */
    private static T5Parts sentencePiece(byte[] file) {
        List<Piece> pieces = new ArrayList<>();
        List<Added> added = new ArrayList<>();
        byte[] table = {};
        int unknown = 0;
        for (Message all = new Message(file); all.next(); ) {
            if (all.field == 1) {
                String text = "";
                double score = 0;
                long type = NORMAL;
                for (Message piece = new Message(all.bytes); piece.next(); ) {
                    switch (piece.field) {
                        case 1 -> text = new String(piece.bytes, StandardCharsets.UTF_8);
                        case 2 -> score = finite(Float.intBitsToFloat((int) piece.number));
                        case 3 -> type = piece.number;
                        default -> {} // nothing that is needed here
                    }
                }
                if (type == UNKNOWN) {
                    unknown = pieces.size();
                }
                if ((type == UNKNOWN || type == CONTROL) && !text.isEmpty()) {
                    added.add(new Added(text, pieces.size(), false, false));
                }
                pieces.add(new Piece(text, score));
            } else if (all.field == 3) {
                for (Message normalizer = new Message(all.bytes); normalizer.next(); ) {
                    table = normalizer.field == 2 ? normalizer.bytes : table;
                }
            }
        }
        for (int i = EXTRA_IDS - 1; i >= 0; i--) {
            added.add(new Added("<extra_id_" + i + ">", pieces.size(), false, false));
            pieces.add(new Piece("<extra_id_" + i + ">", 0));
        }
        return new T5Parts(new Unigram(pieces, unknown), added, charsMap(table), false, true);
    }

    private static double finite(float score) {
        if (!Float.isFinite(score)) {
            throw new IllegalArgumentException("a score is not a finite number");
        }
        return score;
    }

    private static final long NORMAL = 1;
    private static final long UNKNOWN = 2;
    private static final long CONTROL = 3;

    /** The fields of a protocol buffers message, one after the other. */
    private static final class Message {

        private final ByteBuffer rest;
        private int field;
        private long number;
        private byte[] bytes = {};

        Message(byte[] message) {
            rest = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
        }

        /** Whether there is one more field, which is then read. */
        boolean next() {
            if (!rest.hasRemaining()) {
                return false;
            }
            long key = varint();
            field = (int) (key >>> 3);
            switch ((int) (key & 7)) {
                case 0 -> number = varint();
                case 1 -> number = rest.getLong();
                case 2 -> bytes = take(varint());
                case 5 -> number = rest.getInt();
                default -> throw new IllegalArgumentException("no such kind of field");
            }
            return true;
        }

        private byte[] take(long count) {
            if (count < 0 || count > rest.remaining()) {
                throw new BufferUnderflowException();
            }
            byte[] taken = new byte[(int) count];
            rest.get(taken);
            return taken;
        }

        private long varint() {
            long value = 0;
            for (int shift = 0; shift < 64; shift += 7) {
                byte b = rest.get();
                value |= (long) (b & 0x7f) << shift;
                if (b >= 0) {
                    return value;
                }
            }
            throw new IllegalArgumentException("a number is too long");
        }
    }
}
