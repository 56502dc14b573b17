package org.deltasampling.file;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Predicate;

/** Which files an output may replace: those that this program wrote, or any if the user says so. */
public final class Overwriting {

    /** Any file may be replaced. */
    public static final Overwriting ALLOWED = new Overwriting(file -> true);

    private final Predicate<Path> replaceable;

    private Overwriting(Predicate<Path> replaceable) {
        this.replaceable = replaceable;
    }

    /** Only files for which {@code ours} holds may be replaced; asked for regular files only. */
    public static Overwriting onlyOf(Predicate<Path> ours) {
        return new Overwriting(ours);
    }

    /**
     * Does nothing if there is no file at {@code output}, or one that may be replaced.
     *
     * @throws BadFileException otherwise
     */
    public void require(Path output) {
        if (Files.isRegularFile(output) && !replaceable.test(output)) {
            throw new BadFileException(
                    "%s exists and was not written by this program: give another name, or say that it may be overwritten"
                            .formatted(output));
        }
    }
}
