package org.deltasampling.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What tells a file from one that was written over it: its size, the time it was last written, and where the system has such
 * a thing its key (inode). A change that keeps all three is not noticed.
 */
public final class FileStamp {

    private final Path file;
    private final long size;
    private final FileTime modified;
    private final @Nullable Object key;

    private FileStamp(Path file, BasicFileAttributes attributes) {
        this.file = file;
        this.size = attributes.size();
        this.modified = attributes.lastModifiedTime();
        this.key = attributes.fileKey();
    }

    /**
     * The stamp of {@code file} as it is now.
     *
     * @throws IOException if it cannot be read
     */
    public static FileStamp of(Path file) throws IOException {
        return new FileStamp(file, Files.readAttributes(file, BasicFileAttributes.class));
    }

    /** The size in bytes. */
    public long size() {
        return size;
    }

    /**
     * Does nothing if the file is as it was.
     *
     * @throws BadFileException if it was changed, replaced or deleted since
     */
    public void requireUnchanged() {
        try {
            FileStamp now = of(file);
            if (size == now.size && modified.equals(now.modified) && Objects.equals(key, now.key)) {
                return;
            }
        } catch (IOException e) {
            throw changed(e);
        }
        throw changed(null);
    }

    private BadFileException changed(@Nullable IOException e) {
        return new BadFileException(
                "%s was changed or deleted while it was in use: leave it as it is until the program is done, and start again"
                        .formatted(file),
                e);
    }
}
