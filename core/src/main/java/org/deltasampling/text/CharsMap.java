package org.deltasampling.text;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.function.ObjIntConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * SentencePiece's table of characters and what to write for them (its precompiled_charsmap): a trie as a double array in the
 * layout of darts-clone, then the replacements, each ended by a zero byte.
 */
final class CharsMap {

    private static final Pattern GRAPHEME = Pattern.compile("\\X");

    /** Longer graphemes, in bytes, are replaced character by character only. */
    private static final int WHOLE_BYTES = 6;

    private final int[] units;
    private final byte[] replacements;

    /** Reads the table; a damaged one throws IllegalArgumentException. */
    CharsMap(byte[] table) {
        ByteBuffer bytes = ByteBuffer.wrap(table).order(ByteOrder.LITTLE_ENDIAN);
        int trie = bytes.remaining() < 4 ? -1 : bytes.getInt();
        if (trie < 4 || trie % 4 != 0 || trie > bytes.remaining()) {
            throw new IllegalArgumentException("the table of characters is damaged");
        }
        units = new int[trie / 4];
        for (int i = 0; i < units.length; i++) {
            units[i] = bytes.getInt();
        }
        replacements = new byte[bytes.remaining()];
        bytes.get(replacements);
    }

    /** Passes on the replacement of {@code text}, part after part, each with its index in {@code text}. */
    void replace(String text, ObjIntConsumer<String> written) {
        for (Matcher grapheme = GRAPHEME.matcher(text); grapheme.find(); ) {
            String whole = grapheme.group();
            boolean small = whole.getBytes(StandardCharsets.UTF_8).length < WHOLE_BYTES;
            String replaced = small ? replacement(whole) : null;
            if (replaced != null) {
                written.accept(replaced, grapheme.start());
            } else {
                for (int i = 0; i < whole.length(); i = whole.offsetByCodePoints(i, 1)) {
                    String character = Character.toString(whole.codePointAt(i));
                    String other = replacement(character);
                    written.accept(other == null ? character : other, grapheme.start() + i);
                }
            }
        }
    }

    /** The replacement of the shortest beginning of {@code text} that has one, as Hugging Face's tokenizers take it. */
    private @Nullable String replacement(String text) {
        int at = offset(units[0]);
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            int label = b & 0xff;
            at ^= label;
            if (label == 0 || at >= units.length || (units[at] & 0x800000ff) != label) {
                return null;
            }
            boolean ends = (units[at] >>> 8 & 1) == 1;
            at ^= offset(units[at]);
            if (ends && at < units.length) {
                return textAt(units[at] & 0x7fffffff);
            }
        }
        return null;
    }

    private static int offset(int unit) {
        return (unit >>> 10) << ((unit & 0x200) >>> 6);
    }

    private String textAt(int from) {
        int end = Math.min(from, replacements.length);
        int start = end;
        while (end < replacements.length && replacements[end] != 0) {
            end++;
        }
        return new String(replacements, start, end - start, StandardCharsets.UTF_8);
    }
}
