package org.deltasampling.file;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** How some files were when they were opened. */
public record FileStamps(List<FileStamp> all) {

    public FileStamps {
        all = List.copyOf(all);
    }

    /**
     * Of {@code files} as they are now.
     *
     * @throws BadFileException if one cannot be read
     */
    public static FileStamps of(Collection<Path> files) {
        List<FileStamp> stamps = new ArrayList<>();
        for (Path file : files) {
            try {
                stamps.add(FileStamp.of(file));
            } catch (IOException e) {
                throw new BadFileException("%s cannot be read: %s".formatted(file, SystemReason.of(e)), e);
            }
        }
        return new FileStamps(stamps);
    }

    /** Whether all of them are as they were. */
    public boolean areCurrent() {
        return all.stream().allMatch(FileStamp::isCurrent);
    }

    /**
     * Does nothing if all of them are as they were.
     *
     * @throws BadFileException naming the first that is not
     */
    public void requireUnchanged() {
        all.forEach(FileStamp::requireUnchanged);
    }
}
