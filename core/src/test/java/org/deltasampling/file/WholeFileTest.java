package org.deltasampling.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.deltasampling.file.WholeFile.Pending;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WholeFileTest {

    @TempDir
    Path folder;

    @Test
    void aFileAppearsWhenItIsCommittedAndNothingElseIsLeft() throws IOException {
        Path file = Files.writeString(folder.resolve("a.txt"), "before");
        try (Pending pending = WholeFile.open(file)) {
            assertThat(inFolder()).hasSize(2);
            pending.write(out -> out.write("longer than it will be".getBytes(StandardCharsets.UTF_8)));
            pending.write(out -> out.write("after".getBytes(StandardCharsets.UTF_8)));
            assertThat(file).hasContent("before");
            pending.commit();
        }
        assertThat(file).hasContent("after");
        assertThat(inFolder()).containsExactly("a.txt");
    }

    @Test
    void whatIsNotCommittedLeavesEverythingAsItWas() throws IOException {
        Path file = Files.writeString(folder.resolve("a.txt"), "before");
        try (Pending pending = WholeFile.open(file)) {
            pending.write(out -> out.write(1));
        }
        assertThatThrownBy(() -> WholeFile.write(file, out -> {
                    out.write(1);
                    throw new IOException("No space left on device");
                }))
                .isInstanceOf(BadFileException.class)
                .hasMessageContaining("a.txt cannot be written: No space left on device");
        assertThat(file).hasContent("before");
        assertThat(inFolder()).containsExactly("a.txt");
    }

    @Test
    void manyThreadsMayWriteOneFile() throws Exception {
        Path file = folder.resolve("a.txt");
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Future<?>> writes = new ArrayList<>();
            for (int i = 0; i < 400; i++) {
                byte[] content = "x".repeat(i).getBytes(StandardCharsets.UTF_8);
                writes.add(threads.submit(() -> WholeFile.write(file, out -> out.write(content))));
            }
            for (Future<?> write : writes) {
                write.get();
            }
        } finally {
            threads.shutdown();
        }
        assertThat(Files.readString(file)).matches("x*");
        assertThat(inFolder()).containsExactly("a.txt");
    }

    @Test
    void whatCannotBeWrittenIsSaidBeforeAnythingIsDone() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "x");
        assertRefused(folder, "is a folder");
        assertRefused(folder.getRoot(), "is a folder");
        assertRefused(folder.resolve("missing/a.png"), "make the folder");
        assertRefused(file.resolve("a.png"), "make the folder");
        assertRefused(folder.resolve("x".repeat(300)), "cannot be written");
        WholeFile.check(folder.resolve("x".repeat(250))); // allowed by every system
        assertThat(inFolder()).containsExactly("file");
    }

    @Test
    void foldersThatTakeNoFilesAndDevicesAreSaid() {
        Assumptions.assumeTrue(Files.isDirectory(Path.of("/proc/self")), "only Linux has /proc");
        assertRefused(Path.of("/proc/x.png"), "the folder /proc takes no files");
        assertRefused(Path.of("/dev/null"), "is a device");
    }

    @Test
    void anOutputThatIsAnInputIsRefusedUnderWhateverName() throws IOException {
        Path input = Files.writeString(folder.resolve("model.safetensors"), "x");
        Path link = Files.createSymbolicLink(folder.resolve("link.safetensors"), input);
        Path hard = Files.createLink(folder.resolve("hard.safetensors"), input);
        List<Path> inputs = List.of(folder.resolve("gone.safetensors"), input);
        for (Path output : List.of(input, folder.resolve("./sub/../model.safetensors"), link, hard)) {
            Files.createDirectories(folder.resolve("sub"));
            assertThatThrownBy(() -> WholeFile.refuseInput(output, inputs))
                    .as("%s", output)
                    .isInstanceOf(BadFileException.class)
                    .hasMessageContaining("which is read");
        }
        WholeFile.refuseInput(folder.resolve("other.safetensors"), inputs);
    }

    @Test
    void onlyOurOwnFilesAreReplacedUnlessAnyMayBe() throws IOException {
        Path ours = Files.writeString(folder.resolve("a.txt"), "ours");
        Path other = Files.writeString(folder.resolve("b.txt"), "other");
        Overwriting own = Overwriting.onlyOf(file -> file.equals(ours));
        own.require(ours);
        own.require(folder.resolve("new.txt"));
        Overwriting.ALLOWED.require(other);
        assertThatThrownBy(() -> own.require(other))
                .isInstanceOf(BadFileException.class)
                .hasMessageContaining("b.txt exists and was not written by this program");
    }

    private static void assertRefused(Path file, String words) {
        assertThatThrownBy(() -> WholeFile.open(file).close())
                .isInstanceOf(BadFileException.class)
                .hasMessageContaining(words);
    }

    private List<String> inFolder() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
