package org.deltasampling.file;

import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Files that are there whole or not at all: written under another name beside their place, then moved over it. What an
 * interrupted program leaves is deleted when the virtual machine ends.
 */
public final class WholeFile {

    private static final Set<Path> UNFINISHED = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> UNFINISHED.forEach(WholeFile::delete)));
    }

    private WholeFile() {}

    /** What fills a file. */
    @FunctionalInterface
    public interface Content {
        void writeTo(Path file) throws IOException;
    }

    /**
     * Lets {@code content} fill a temporary file and moves it to {@code file}; on failure neither is left.
     *
     * @throws BadFileException if the folder cannot be written to
     */
    public static void write(Path file, Content content) {
        Path target = file.toAbsolutePath();
        Path temporary = target.resolveSibling(
                "." + target.getFileName() + "." + ProcessHandle.current().pid() + ".part");
        UNFINISHED.add(temporary);
        try {
            content.writeTo(temporary);
            move(temporary, target);
        } catch (IOException e) {
            throw new BadFileException(file + " cannot be written: " + reason(target, e), e);
        } finally {
            delete(temporary);
            UNFINISHED.remove(temporary);
        }
    }

    /**
     * Checks, before hours of work, that {@code file} can be written.
     *
     * @throws BadFileException if its folder is missing or closed to writing, or it is a folder itself
     */
    public static void check(Path file) {
        Path target = file.toAbsolutePath();
        Path folder = target.getParent();
        if (folder == null || Files.isDirectory(target)) {
            throw new BadFileException(file + " is a folder: give a file to write");
        }
        if (!Files.isDirectory(folder)) {
            throw new BadFileException(file + " cannot be written: make the folder " + folder + " first");
        }
        if (!Files.isWritable(folder)) {
            throw new BadFileException(file + " cannot be written: the folder " + folder + " is closed to writing");
        }
    }

    /**
     * Makes {@code folder} where there is none.
     *
     * @throws BadFileException if it cannot be made
     */
    public static void folder(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new BadFileException("the folder " + folder + " cannot be made: give another one with --output", e);
        }
    }

    private static void move(Path from, Path to) throws IOException {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static String reason(Path target, IOException e) {
        Path folder = target.getParent();
        return folder == null || Files.isDirectory(folder)
                ? String.valueOf(e.getMessage())
                : "there is no folder " + folder;
    }

    private static void delete(Path temporary) {
        try {
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            temporary.toFile().deleteOnExit(); // still open elsewhere, on Windows: the last chance
        }
    }
}
