package org.deltasampling.file;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileStampTest {

    private static final FileTime BEFORE = FileTime.fromMillis(1_000_000);

    @TempDir
    Path folder;

    private Path file;
    private FileStamp stamp;

    @BeforeEach
    void stamp() throws IOException {
        file = Files.writeString(folder.resolve("model"), "1234");
        Files.setLastModifiedTime(file, BEFORE);
        stamp = FileStamp.of(file);
        stamp.requireUnchanged();
    }

    @Test
    void anotherSizeIsNoticed() throws IOException {
        Files.writeString(file, "123");
        Files.setLastModifiedTime(file, BEFORE);
        assertNoticed();
    }

    @Test
    void anotherTimeIsNoticed() throws IOException {
        Files.writeString(file, "4321");
        assertNoticed();
    }

    @Test
    void anotherFileOfTheSameSizeAndTimeIsNoticed() throws IOException {
        Path other = Files.writeString(folder.resolve("other"), "4321");
        Files.setLastModifiedTime(other, BEFORE);
        Files.move(other, file, StandardCopyOption.REPLACE_EXISTING);
        assertNoticed();
    }

    @Test
    void aFileThatIsGoneIsNoticed() throws IOException {
        Files.delete(file);
        assertNoticed();
    }

    private void assertNoticed() {
        assertThatThrownBy(stamp::requireUnchanged)
                .isInstanceOf(BadFileException.class)
                .hasMessageContaining("model was changed or deleted while it was in use");
    }
}
