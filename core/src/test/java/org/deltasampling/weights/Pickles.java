package org.deltasampling.weights;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Files of torch.save with pickles written by hand. */
final class Pickles {

    /** A pickle that is a dict with one float32 tensor "w" of two elements, in the storage "0". */
    static final String TENSOR = "\u0080\2}" + entryW("\u0089ccollections\nOrderedDict\n)R") + ".";

    private static final String HEAD = "\u0080\2\u008a\12l\u00fc\u009cF\u00f9 j\u00a8P\u0019."
            + "\u0080\2M\u00e9\3."
            + "\u0080\2}" + text("little_endian") + "\u0088s.";

    private Pickles() {}

    /** The opcodes that put a tensor "w" into a dict; its last arguments are {@code more}. */
    static String entryW(String more) {
        return text("w")
                + "ctorch._utils\n_rebuild_tensor_v2\n(("
                + text("storage")
                + "ctorch\nFloatStorage\n"
                + text("0")
                + text("cpu")
                + "K\2tQK\0K\2\u0085K\1\u0085"
                + more
                + "tRs";
    }

    /** The opcode of a text. */
    static String text(String text) {
        return "X" + number(text.length()) + text;
    }

    /** A number of four bytes, the lowest first. */
    static String number(int number) {
        return new String(
                ByteBuffer.allocate(4)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt(number)
                        .array(),
                StandardCharsets.ISO_8859_1);
    }

    /** The bytes of a pickle, a character each. */
    static byte[] bytes(String pickle) {
        return pickle.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** A legacy file whose content is {@code pickle}, with the storage "0" of two float32 elements if that names it. */
    static byte[] legacy(String pickle) {
        byte[] start = bytes(HEAD + pickle + "\u0080\2]" + (pickle.contains(text("0")) ? text("0") + "a." : "."));
        return ByteBuffer.allocate(start.length + 16)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(start)
                .putLong(2)
                .putFloat(1.5f)
                .putFloat(-2f)
                .array();
    }

    /** A zip file, deflated, whose content is {@code pickle}, with the same storage. */
    static byte[] zip(String pickle) {
        byte[] numbers = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat(1.5f)
                .putFloat(-2f)
                .array();
        return zip(Map.of("archive/data.pkl", bytes(pickle), "archive/data/0", numbers));
    }

    /** An archive of these entries, deflated. */
    static byte[] zip(Map<String, byte[]> entries) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                zip.putNextEntry(new ZipEntry(entry.getKey()));
                zip.write(entry.getValue());
                zip.closeEntry();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }
}
