package org.deltasampling.file;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** Paths that a user or a file has written down. */
public final class PathText {

    private PathText() {}

    /**
     * {@code text} as a path; a relative one is resolved against {@code folder}.
     *
     * @throws BadFileException if it cannot be the name of a file here
     */
    public static Path parse(String text, Path folder) {
        try {
            return folder.resolve(text);
        } catch (InvalidPathException e) {
            throw new BadFileException("'%s' cannot be a file name: %s".formatted(Quoted.of(text), e.getReason()), e);
        }
    }
}
