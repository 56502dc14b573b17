package org.deltasampling.app;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.stream.Stream;

/** Files of the project that tests read. */
final class ProjectFiles {

    private ProjectFiles() {}

    /**
     * Of the project in which the tests run.
     *
     * @throws NoSuchElementException if there is no project around the working directory
     */
    static Path at(String name) {
        return Stream.iterate(Path.of("").toAbsolutePath(), Objects::nonNull, Path::getParent)
                .filter(folder -> Files.exists(folder.resolve("mvnw")))
                .findFirst()
                .orElseThrow()
                .resolve(name);
    }
}
