package org.deltasampling.app;

import java.nio.file.Path;
import java.util.function.Predicate;
import org.deltasampling.file.Overwriting;
import picocli.CommandLine.Option;

/** The option that lets results replace files that this program did not write. */
final class OverwriteOption {

    @Option(names = "--overwrite", description = "Let results replace files that this program did not write.")
    boolean overwrite;

    /**
     * Does nothing if {@code file} may be written.
     *
     * @param ours whether this program wrote a file
     * @throws org.deltasampling.file.BadFileException if it replaced one that this program did not write
     */
    void require(Path file, Predicate<Path> ours) {
        (overwrite ? Overwriting.ALLOWED : Overwriting.onlyOf(ours)).require(file);
    }
}
