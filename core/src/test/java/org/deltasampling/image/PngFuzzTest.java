package org.deltasampling.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.Mutations;
import org.deltasampling.file.FileHashes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged PNGs: what each says of itself is read, or refused in one short sentence. */
final class PngFuzzTest {

    private static final int COUNT = 1_500;

    private static final List<String> TOKENS = List.of(
            "\0",
            "\1",
            "\u00ff\u00ff\u00ff\u00ff",
            "\u007f\u00ff\u00ff\u00ff",
            "iTXt",
            "IEND",
            "IDAT",
            "delta-sampling\0",
            "{",
            "}",
            "[",
            "]",
            "\"",
            ":",
            ",",
            "\\u0000",
            "null",
            "1e999",
            "99999999999999999999",
            "\"files\":",
            "\"recipe\":",
            "../",
            "/etc/",
            "C:\\\\",
            "//host/",
            "\"/\"",
            "/..",
            "2/",
            "0".repeat(64),
            "x".repeat(20_000),
            "[".repeat(2_000));

    private static final String TEXT = """
            {"recipe": {"target": {"model": "sd21", "prompt": "a cat"}, "deltas": [{"source": {"model": "s.safetensors"},
              "adapted": {"adapters": [{"lora": "2/ink.safetensors", "weight": 0.5}]}, "lambda": 1.0}],
              "sampling": {"sampler": "euler", "steps": 2, "cfg": 7.5, "seed": 18446744073709551615, "noise": "n#k"},
              "output": {"image": "/a.png"}},
             "files": {"sd21/unet/a.safetensors": {"sha256": "%1$s", "bytes": 3}, "s.safetensors": "%1$s"}}
            """.formatted("0".repeat(64));

    @TempDir
    Path folder;

    @Test
    void everyDamagedPngIsReadOrRefusedInASentence() throws IOException {
        Mutations mutations = new Mutations(2, TOKENS);
        BufferedImage image = new BufferedImage(3, 2, BufferedImage.TYPE_INT_RGB);
        String whole = new String(Png.encode(image, TEXT, "a"), StandardCharsets.ISO_8859_1);
        Path file = folder.resolve("a.png");
        int read = 0;
        for (int i = 0; i < COUNT; i++) {
            byte[] png = i % 2 == 0
                    ? mutations.of(whole).getBytes(StandardCharsets.ISO_8859_1) // any damage
                    : Png.encode(image, mutations.of(TEXT), "a"); // of the text alone, under a check sum that is right
            Files.write(file, png);
            try {
                Provenance provenance = Provenance.read(file);
                read++;
                provenance.find(List.of(folder), new FileHashes());
            } catch (DeltaSamplingException e) {
                assertThat(e.getMessage()).isNotBlank().hasSizeLessThan(600).doesNotContain("\n", "Exception");
            }
        }
        assertThat(read).isBetween(COUNT / 20, COUNT * 19 / 20);
        assertThat(folder.toFile().list()).containsExactly("a.png"); // nothing else was written
    }
}
