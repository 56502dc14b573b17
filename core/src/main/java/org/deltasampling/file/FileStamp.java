package org.deltasampling.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import org.jspecify.annotations.Nullable;

/**
 * What tells a file from one that was written over it; a change that keeps all of it is not noticed.
 *
 * @param size in bytes
 * @param modified when it was last written
 * @param key of the file where the system has such a thing (the inode), else null
 */
public record FileStamp(
        Path file, long size, FileTime modified, @Nullable Object key) {

    /**
     * The stamp of {@code file} as it is now.
     *
     * @throws IOException if it cannot be read
     */
    public static FileStamp of(Path file) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        return new FileStamp(file, attributes.size(), attributes.lastModifiedTime(), attributes.fileKey());
    }

    /** Whether the file is as it was: neither changed nor replaced nor deleted since. */
    public boolean isCurrent() {
        try {
            return equals(of(file));
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Does nothing if the file is as it was.
     *
     * @throws BadFileException if it was changed, replaced or deleted since
     */
    public void requireUnchanged() {
        if (!isCurrent()) {
            throw new BadFileException(
                    "%s was changed or deleted while it was in use: leave it as it is until the program is done, and start again"
                            .formatted(file));
        }
    }
}
