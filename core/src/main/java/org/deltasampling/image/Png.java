package org.deltasampling.image;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * PNG files with two texts (PNG specification 11.3.3): this project's own, international (iTXt), and {@code parameters}, as A1111
 * writes it. Files from elsewhere are read by hand, so that nothing but the one text is looked at.
 */
final class Png {

    private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    private static final int HEADER_END = 33; // signature, and the IHDR chunk that always comes first
    private static final int AROUND = 12; // a chunk's length, type and check sum

    private static final String INTERNATIONAL = "iTXt";
    private static final String KEYWORD = "delta-sampling";

    /** More text than any recipe has, in bytes, before and after inflating. */
    private static final int MOST_TEXT = 1 << 20;

    /** A PNG of 100 MB in the usual chunks of 8 kB has fewer. */
    private static final int MOST_CHUNKS = 20_000;

    private Png() {}

    /** Whether {@code file} is an ordinary file that begins as a PNG does. */
    static boolean isPng(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            return false;
        }
        try (FileChannel in = FileChannel.open(file)) {
            return in.size() >= SIGNATURE.length && Arrays.equals(bytes(in, 0, SIGNATURE.length), SIGNATURE);
        }
    }

    // ---- writing

    /** {@code image} with the project's own text and with A1111's parameters. */
    static byte[] encode(BufferedImage image, String own, String parameters) throws IOException {
        byte[] plain = encode(image);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(plain, 0, HEADER_END);
        chunk(out, INTERNATIONAL, international(KEYWORD, own));
        if (StandardCharsets.ISO_8859_1.newEncoder().canEncode(parameters)) { // as A1111's library decides
            chunk(out, "tEXt", ("parameters\0" + parameters).getBytes(StandardCharsets.ISO_8859_1));
        } else {
            chunk(out, INTERNATIONAL, international("parameters", parameters));
        }
        out.write(plain, HEADER_END, plain.length - HEADER_END);
        return out.toByteArray();
    }

    private static byte[] encode(BufferedImage image) throws IOException {
        ImageWriter writer = ImageIO.getImageWritersByFormatName("png").next();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
            writer.setOutput(out);
            writer.write(image);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }

    /** Not compressed, without a language or a translated keyword. */
    private static byte[] international(String keyword, String text) {
        return (keyword + "\0\0\0\0\0" + text).getBytes(StandardCharsets.UTF_8);
    }

    private static void chunk(ByteArrayOutputStream to, String type, byte[] data) throws IOException {
        byte[] name = type.getBytes(StandardCharsets.ISO_8859_1);
        DataOutputStream out = new DataOutputStream(to);
        out.writeInt(data.length);
        out.write(name);
        out.write(data);
        out.writeInt((int) checksum(name, data));
    }

    // ---- reading

    /**
     * The text under this project's keyword, or nothing where there is none.
     *
     * @throws IOException in words, if the file is damaged before that text
     */
    static Optional<String> readText(Path file) throws IOException {
        try (FileChannel in = FileChannel.open(file)) {
            long at = SIGNATURE.length;
            for (int chunks = 0; chunks < MOST_CHUNKS; chunks++) {
                ByteBuffer head = ByteBuffer.wrap(bytes(in, at, 8));
                long length = head.getInt() & 0xffffffffL;
                String type = StandardCharsets.ISO_8859_1.decode(head).toString();
                if (type.equals("IEND")) {
                    return Optional.empty();
                }
                if (type.equals(INTERNATIONAL) && isOwn(in, at + 8, length)) {
                    return Optional.of(text(data(in, at + 4, length)));
                }
                at += length + AROUND;
            }
            throw new IOException("it has more than " + MOST_CHUNKS + " parts");
        } catch (EOFException e) {
            throw new IOException("it is cut short", e);
        }
    }

    private static boolean isOwn(FileChannel in, long at, long length) throws IOException {
        byte[] keyword = (KEYWORD + "\0").getBytes(StandardCharsets.ISO_8859_1);
        return length >= keyword.length && Arrays.equals(bytes(in, at, keyword.length), keyword);
    }

    /** The data of the chunk whose type is at {@code at}. */
    private static byte[] data(FileChannel in, long at, long length) throws IOException {
        if (length > MOST_TEXT) {
            throw new IOException("its recipe is larger than 1 MB");
        }
        byte[] type = bytes(in, at, 4);
        byte[] data = bytes(in, at + 4, (int) length);
        long checksum = ByteBuffer.wrap(bytes(in, at + 4 + length, 4)).getInt() & 0xffffffffL;
        if (checksum(type, data) != checksum) {
            throw new IOException("its recipe is damaged: the check sum is wrong");
        }
        return data;
    }

    /** Behind the keyword: whether it is compressed, how, the language, the keyword in that language, the text. */
    private static String text(byte[] data) throws IOException {
        int flags = KEYWORD.length() + 1;
        int language = after(data, flags + 2);
        int text = after(data, language);
        boolean compressed = data[flags] != 0;
        byte[] bytes = Arrays.copyOfRange(data, text, data.length);
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(compressed ? inflated(bytes) : bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new IOException("its recipe is not a text in UTF-8", e);
        }
    }

    /** The place after the first zero at or after {@code from}. */
    private static int after(byte[] data, int from) throws IOException {
        for (int i = from; i < data.length; i++) {
            if (data[i] == 0) {
                return i + 1;
            }
        }
        throw new IOException("its recipe is damaged: its parts are not marked off");
    }

    private static byte[] inflated(byte[] bytes) throws IOException {
        Inflater inflater = new Inflater();
        try {
            inflater.setInput(bytes);
            byte[] text = new byte[MOST_TEXT + 1];
            int length = 0;
            while (!inflater.finished() && length < text.length) {
                int more = inflater.inflate(text, length, text.length - length);
                if (more == 0 && !inflater.finished()) { // it wants more input, or a dictionary
                    throw new IOException("its recipe is damaged: it cannot be inflated");
                }
                length += more;
            }
            if (length > MOST_TEXT) {
                throw new IOException("its recipe is larger than 1 MB");
            }
            return Arrays.copyOf(text, length);
        } catch (DataFormatException e) {
            throw new IOException("its recipe is damaged: it cannot be inflated", e);
        } finally {
            inflater.end();
        }
    }

    private static byte[] bytes(FileChannel in, long at, int count) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(count);
        while (bytes.hasRemaining()) {
            if (in.read(bytes, at + bytes.position()) < 0) {
                throw new EOFException();
            }
        }
        return bytes.array();
    }

    private static long checksum(byte[] type, byte[] data) {
        CRC32 sum = new CRC32();
        sum.update(type);
        sum.update(data);
        return sum.getValue();
    }
}
