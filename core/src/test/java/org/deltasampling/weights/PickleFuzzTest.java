package org.deltasampling.weights;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.NoLeaks;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whatever is done to a file of PyTorch's, its tensors are loaded or it is refused in a sentence, in a bounded time and without
 * memory beyond its size and 64 MB.
 */
@ExtendWith(NoLeaks.class)
class PickleFuzzTest {

    private static final long SPARE_BYTES = 64L << 20;
    private static final long MOST_NANOSECONDS = 5_000_000_000L;
    private static final int LONGEST_SENTENCE = 600;

    private static final List<String> ZIPS =
            List.of("dtypes.pt", "views.pth", "deflated.pth", "protocol-4.bin", "lightning.ckpt", "nested.bin");

    private static final List<String> LEGACY = List.of("dtypes-legacy.pt", "views-legacy.pth", "protocol-4-legacy.bin");

    /** Operations and numbers that mean something to the reader. */
    private static final List<byte[]> TOKENS = Stream.of(
                    ".",
                    "(",
                    "0",
                    "1",
                    "2",
                    "N",
                    ")",
                    "]",
                    "}",
                    "t",
                    "\u0085",
                    "\u0086",
                    "\u0087",
                    "R",
                    "\u0081",
                    "b",
                    "s",
                    "u",
                    "a",
                    "e",
                    "Q",
                    "\u0093",
                    "\u0094",
                    "q\0",
                    "q\1",
                    "h\0",
                    "h\1",
                    "h\2",
                    "j\377\377\377\377",
                    "K\0",
                    "K\377",
                    "J\377\377\377\377",
                    "J\377\377\377\177",
                    "\u008a\10\377\377\377\377\377\377\377\177",
                    "\u008b\377\377\377\177",
                    "X\377\377\377\177",
                    "X\0\0\20\0",
                    "\u008d\377\377\377\377\377\377\377\177",
                    "B\0\0\0\1",
                    "\u0095\377\377\377\377\377\377\377\377",
                    "cos\nsystem\n",
                    "ctorch\nFloatStorage\n",
                    "ctorch\nDoubleStorage\n",
                    "ctorch\nfloat64\n",
                    "ctorch._utils\n_rebuild_tensor_v3\n",
                    "ctorch._tensor\n_rebuild_from_type_v2\n",
                    "ccollections\nOrderedDict\n",
                    "cbuiltins\nlist\n",
                    "cpytorch_lightning\nTrainer\n",
                    "PK\5\6",
                    "PK\1\2",
                    "\377\377\377\377")
            .map(Pickles::bytes)
            .toList();

    @TempDir
    Path folder;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Test
    void bytesOfFilesOfBothForms() throws IOException {
        Random random = new Random(1);
        for (String name : Stream.concat(ZIPS.stream(), LEGACY.stream()).toList()) {
            byte[] whole = Files.readAllBytes(PickleFileTest.fixture(name));
            int inputs = LEGACY.contains(name) ? 1200 : 300; // most of a small legacy file is its pickle
            for (int i = 0; i < inputs; i++) {
                requireLoadedOrRefused(name + " " + i, mutated(whole, random));
            }
        }
    }

    @Test
    void picklesOfZipFiles() throws IOException {
        Random random = new Random(3);
        for (String name : ZIPS) {
            Map<String, byte[]> entries = entries(PickleFileTest.fixture(name));
            String pickle = entries.keySet().stream()
                    .filter(entry -> entry.endsWith("/data.pkl"))
                    .findFirst()
                    .orElseThrow();
            for (int i = 0; i < 600; i++) {
                Map<String, byte[]> changed = new LinkedHashMap<>(entries);
                changed.compute(pickle, (entry, bytes) -> mutated(bytes, random));
                requireLoadedOrRefused(name + " " + i, Pickles.zip(changed));
            }
        }
    }

    @Test
    void directoriesOfZipFiles() throws IOException {
        Random random = new Random(4);
        for (String name : ZIPS) {
            byte[] whole = Files.readAllBytes(PickleFileTest.fixture(name));
            int directory =
                    ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getInt(whole.length - 6);
            for (int i = 0; i < 200; i++) {
                byte[] changed = whole.clone();
                for (int k = random.nextInt(3); k >= 0; k--) {
                    int at = directory + random.nextInt(whole.length - directory);
                    changed[at] = (byte) (random.nextBoolean() ? 0xff : random.nextInt(256));
                }
                requireLoadedOrRefused(name + " " + i, changed);
            }
        }
    }

    /** {@code bytes} with one to four changes: bytes overwritten, put in, taken out or repeated, or the end cut off. */
    private static byte[] mutated(byte[] bytes, Random random) {
        String changed = new String(bytes, StandardCharsets.ISO_8859_1);
        for (int i = random.nextInt(4); i >= 0; i--) {
            int from = random.nextInt(changed.length() + 1);
            int to = from + random.nextInt(Math.min(20, changed.length() - from) + 1);
            String token = new String(TOKENS.get(random.nextInt(TOKENS.size())), StandardCharsets.ISO_8859_1);
            String before = changed.substring(0, from);
            String part = changed.substring(from, to);
            String after = changed.substring(to);
            changed = switch (random.nextInt(7)) {
                case 0 -> before + token + part + after;
                case 1 -> before + token + after;
                case 2 -> before + after;
                case 3 -> before + part.repeat(2 + random.nextInt(3)) + after;
                case 4 -> before + (char) random.nextInt(256) + changed.substring(Math.min(from + 1, changed.length()));
                case 5 -> overwritten(changed, from, token);
                default -> random.nextInt(10) == 0 ? before : changed;
            };
        }
        return Pickles.bytes(changed);
    }

    private static String overwritten(String text, int from, String token) {
        return text.substring(0, from) + token + text.substring(Math.min(text.length(), from + token.length()));
    }

    private static Map<String, byte[]> entries(Path path) throws IOException {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        try (ZipFile zip = new ZipFile(path.toFile())) {
            for (ZipEntry entry : zip.stream().toList()) {
                entries.put(entry.getName(), zip.getInputStream(entry).readAllBytes());
            }
        }
        return entries;
    }

    private void requireLoadedOrRefused(String input, byte[] bytes) throws IOException {
        Path path = folder.resolve("mutated.pt");
        Files.write(path, bytes);
        long most = bytes.length + SPARE_BYTES;
        long started = System.nanoTime();
        long before = threads.getCurrentThreadAllocatedBytes();
        long tensors = 0;
        try (WeightFile file = WeightFile.open(path);
                TensorScope scope = TensorScope.open()) {
            for (String name : file.names()) {
                Tensor tensor = file.load(name);
                tensors += tensor.numel() * tensor.element_size();
            }
        } catch (DeltaSamplingException e) {
            assertThat(e.getMessage())
                    .as(input)
                    .hasSizeLessThan(LONGEST_SENTENCE)
                    .doesNotContain("\n");
        } catch (RuntimeException e) {
            throw new AssertionError(input + ": " + Arrays.toString(bytes), e);
        }
        assertThat(threads.getCurrentThreadAllocatedBytes() - before + tensors)
                .as(input)
                .isLessThan(most);
        assertThat(System.nanoTime() - started).as(input).isLessThan(MOST_NANOSECONDS);
    }
}
