package org.deltasampling.bridge;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.NoLeaks;
import org.deltasampling.model.LatentSpace;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Damaged bridge files: each is read, or refused in the project's own words. */
@ExtendWith(NoLeaks.class)
class BridgeFuzzTest {

    private static final int INPUTS = 1500;

    @TempDir
    Path folder;

    @Test
    void everyDamagedFileIsReadOrRefused() throws IOException {
        Path whole = folder.resolve("whole.safetensors");
        ChannelMap map = ChannelMap.of(new double[] {1, 0.5}, new double[] {0, 1}, new double[] {0.25, 0});
        Explained explained = new Explained(List.of(0.5, 0.25), 0.4);
        new BridgeFile(
                        new BridgeFit(map, map.inverse(), new Explained(List.of(0.5, 0.5, 0.5), 0.5), explained),
                        new AutoencoderId(new LatentSpace(2, 8, 0.5, 0), new float[] {1, 2}),
                        new AutoencoderId(new LatentSpace(3, 8, 1.5, 0.1), new float[] {3, 4, 5}))
                .write(whole);
        byte[] bytes = Files.readAllBytes(whole);
        Path file = folder.resolve("damaged.safetensors");
        Random random = new Random(7);
        int read = 0;
        int refused = 0;
        for (int i = 0; i < INPUTS; i++) {
            Files.write(file, damaged(bytes, random));
            try {
                BridgeFile.read(file);
                read++;
            } catch (DeltaSamplingException e) {
                assertThat(e.getMessage()).contains("damaged.safetensors").doesNotContain("\n");
                refused++;
            }
        }
        assertThat(read).isPositive();
        assertThat(refused).isPositive();
    }

    /** Some bytes are changed, most of them in the header; some files are cut. */
    private static byte[] damaged(byte[] whole, Random random) {
        byte[] bytes = whole.clone();
        for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
            int at = random.nextInt(random.nextInt(3) == 0 ? bytes.length : Math.min(bytes.length, 1200));
            bytes[at] = random.nextBoolean()
                    ? (byte) random.nextInt(256)
                    : (byte) "0123456789 -.eE\"[]{},:NaN".charAt(random.nextInt(25));
        }
        return random.nextInt(8) == 0 ? java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes;
    }
}
