package org.deltasampling.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PngTest {

    private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

    @TempDir
    Path folder;

    private static BufferedImage image() {
        BufferedImage image = new BufferedImage(3, 2, BufferedImage.TYPE_INT_RGB);
        image.setRGB(2, 1, 0x123456);
        return image;
    }

    private Path file(byte[]... parts) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return Files.write(folder.resolve("a.png"), all.toByteArray());
    }

    private static byte[] chunk(String type, byte[] data) throws IOException {
        CRC32 sum = new CRC32();
        sum.update(type.getBytes(StandardCharsets.ISO_8859_1));
        sum.update(data);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeInt(data.length);
        out.writeBytes(type);
        out.write(data);
        out.writeInt((int) sum.getValue());
        return bytes.toByteArray();
    }

    private static byte[] text(boolean compressed, byte[] text) throws IOException {
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        data.writeBytes("delta-sampling\0".getBytes(StandardCharsets.ISO_8859_1));
        data.write(compressed ? 1 : 0);
        data.writeBytes("\0en\0Delta Sampling\0".getBytes(StandardCharsets.ISO_8859_1));
        data.writeBytes(text);
        return chunk("iTXt", data.toByteArray());
    }

    private static byte[] deflated(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (DeflaterOutputStream deflater = new DeflaterOutputStream(out)) {
            deflater.write(bytes);
        }
        return out.toByteArray();
    }

    private static void refused(Path file, String says) {
        assertThatThrownBy(() -> Png.readText(file))
                .isInstanceOf(IOException.class)
                .hasMessage(says);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{}", "a\u00e9\ud83d\ude00\u0000\n"})
    void whatIsWrittenIsRead(String text) throws IOException {
        byte[] png = Png.encode(image(), text, "p");
        assertThat(Png.readText(file(png))).contains(text);
        assertThat(ImageIO.read(new ByteArrayInputStream(png)).getRGB(2, 1) & 0xffffff)
                .isEqualTo(0x123456);
    }

    /** Latin text is in the chunk that every viewer knows; the others hold all of Unicode. */
    @Test
    void parametersAreWrittenAsA1111WritesThem() throws IOException {
        assertThat(new String(Png.encode(image(), "", "caf\u00e9\nSteps: 1"), StandardCharsets.ISO_8859_1))
                .contains("tEXtparameters\0caf\u00e9\nSteps: 1");
        assertThat(new String(Png.encode(image(), "", "\u7fbd\nSteps: 1"), StandardCharsets.UTF_8))
                .contains("iTXtparameters\0\0\0\0\0\u7fbd\nSteps: 1");
    }

    @Test
    void aCompressedTextIsRead() throws IOException {
        byte[] text = "{\"a\": \"\u00e9\"}".getBytes(StandardCharsets.UTF_8);
        assertThat(Png.readText(file(SIGNATURE, text(true, deflated(text))))).contains("{\"a\": \"\u00e9\"}");
        assertThat(Png.readText(file(SIGNATURE, text(false, text)))).contains("{\"a\": \"\u00e9\"}");
    }

    @Test
    void onlyTheOwnTextIsLookedAt() throws IOException {
        byte[] foreign = chunk("iTXt", "other\0\1\0\0\0not deflated".getBytes(StandardCharsets.ISO_8859_1));
        byte[] broken = chunk("zTXt", new byte[1 << 21]);
        broken[broken.length - 1]++;
        byte[] own = text(false, new byte[] {'a'});
        assertThat(Png.readText(file(SIGNATURE, foreign, broken, own))).contains("a");
        assertThat(Png.readText(file(SIGNATURE, foreign, broken, chunk("IEND", new byte[0]), own)))
                .isEmpty();
    }

    @Test
    void aTextLargerThanAMegabyteIsNotRead() throws IOException {
        refused(file(SIGNATURE, text(false, new byte[1 << 20])), "its recipe is larger than 1 MB");
        refused(file(SIGNATURE, text(true, deflated(new byte[1 << 28]))), "its recipe is larger than 1 MB");
        assertThat(Png.readText(file(SIGNATURE, text(true, deflated(new byte[1 << 20])))))
                .hasValueSatisfying(text -> assertThat(text).hasSize(1 << 20));
    }

    @Test
    void damageIsNamed() throws IOException {
        byte[] good = text(true, deflated("text".getBytes(StandardCharsets.UTF_8)));
        byte[] changed = good.clone();
        changed[50]++;
        refused(file(SIGNATURE, changed), "its recipe is damaged: the check sum is wrong");
        refused(file(SIGNATURE, text(true, new byte[] {1, 2, 3})), "its recipe is damaged: it cannot be inflated");
        byte[] half = deflated(new byte[1000]);
        refused(
                file(SIGNATURE, text(true, Arrays.copyOf(half, half.length / 2))),
                "its recipe is damaged: it cannot be inflated");
        refused(
                file(SIGNATURE, chunk("iTXt", "delta-sampling\0\0\0".getBytes(StandardCharsets.ISO_8859_1))),
                "its recipe is damaged: its parts are not marked off");
        refused(file(SIGNATURE, text(false, new byte[] {(byte) 0xff})), "its recipe is not a text in UTF-8");
        byte[] png = Png.encode(image(), "text", "p");
        for (int length : new int[] {8, 20, 33, 50, 60}) {
            refused(file(Arrays.copyOf(png, length)), "it is cut short");
        }
        byte[] empty = chunk("teSt", new byte[0]);
        byte[] many = new byte[20_000 * empty.length];
        for (int i = 0; i < many.length; i++) {
            many[i] = empty[i % empty.length];
        }
        refused(file(SIGNATURE, many), "it has more than 20000 parts");
    }

    @Test
    void onlyAnOrdinaryFileIsAPng() throws IOException {
        assertThat(Png.isPng(file(SIGNATURE))).isTrue();
        assertThat(Png.isPng(file(Arrays.copyOf(SIGNATURE, 7)))).isFalse();
        assertThat(Png.isPng(folder)).isFalse();
        assertThat(Png.isPng(folder.resolve("none"))).isFalse();
        assertThat(Png.isPng(Path.of("/dev/zero"))).isFalse();
    }
}
