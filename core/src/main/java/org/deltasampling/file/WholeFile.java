package org.deltasampling.file;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Collection;
import java.util.Set;
import java.util.UUID;
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
        /** Writes all of it, in large pieces, since nothing is buffered; {@code out} stays open. */
        void writeTo(OutputStream out) throws IOException;
    }

    /**
     * A file that can be written, whose content is not yet there. Closing it before {@link #commit} leaves everything as it
     * was.
     */
    public static final class Pending implements AutoCloseable {

        private final Path target;
        private final Path temporary;
        private final FileChannel channel;

        private Pending(Path target, Path temporary, FileChannel channel) {
            this.target = target;
            this.temporary = temporary;
            this.channel = channel;
        }

        /** Where the file will be. */
        public Path target() {
            return target;
        }

        /**
         * Writes what the file will hold, in place of what was written before.
         *
         * @throws BadFileException if the disk refuses
         */
        public void write(Content content) {
            try {
                channel.truncate(0);
                content.writeTo(Channels.newOutputStream(channel));
            } catch (IOException e) {
                throw cannotBeWritten(target, e);
            }
        }

        /**
         * Moves the content to its place, over what was there.
         *
         * @throws BadFileException if that fails
         */
        public void commit() {
            try {
                channel.close();
                move(temporary, target);
            } catch (IOException e) {
                throw cannotBeWritten(target, e);
            }
        }

        @Override
        public void close() {
            try {
                channel.close();
            } catch (IOException e) {
                throw cannotBeWritten(target, e);
            } finally {
                delete(temporary);
                UNFINISHED.remove(temporary);
            }
        }
    }

    /**
     * Makes the temporary file that will become {@code file}, which proves before hours of work that it can be written.
     *
     * @throws BadFileException if it cannot: its folder is missing or takes no files, its name is too long, or it is a folder
     *     or a device itself
     */
    public static Pending open(Path file) {
        Path target = file.toAbsolutePath();
        Path folder = target.getParent();
        if (folder == null || Files.isDirectory(target)) {
            throw new BadFileException(file + " is a folder: give a file to write");
        }
        if (!Files.isDirectory(folder)) {
            throw new BadFileException(file + " cannot be written: make the folder " + folder + " first");
        }
        requireRegular(file, target);
        Path temporary =
                folder.resolve("." + UUID.randomUUID() + ".part"); // its length has nothing to do with the target's
        UNFINISHED.add(temporary);
        try {
            return new Pending(
                    target,
                    temporary,
                    FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
        } catch (IOException e) {
            UNFINISHED.remove(temporary);
            throw new BadFileException(
                    "%s cannot be written: the folder %s takes no files (%s)"
                            .formatted(file, folder, SystemReason.of(e)),
                    e);
        }
    }

    /** A name that is too long, or behind a file, is found out by asking for what is there. */
    private static void requireRegular(Path file, Path target) {
        try {
            if (!Files.readAttributes(target, BasicFileAttributes.class).isRegularFile()) {
                throw new BadFileException(file + " is a device or the like: give a file to write");
            }
        } catch (NoSuchFileException e) {
            return; // as most outputs are
        } catch (IOException e) {
            throw cannotBeWritten(file, e);
        }
    }

    /**
     * Lets {@code content} fill {@code file}; on failure the file is as it was.
     *
     * @throws BadFileException if it cannot be written
     */
    public static void write(Path file, Content content) {
        try (Pending pending = open(file)) {
            pending.write(content);
            pending.commit();
        }
    }

    /**
     * Checks that {@code file} can be written, and leaves nothing.
     *
     * @throws BadFileException as {@link #open}
     */
    public static void check(Path file) {
        open(file).close();
    }

    /**
     * Checks that {@code output} is none of {@code inputs}, under whatever name.
     *
     * @throws BadFileException if it is
     */
    public static void refuseInput(Path output, Collection<Path> inputs) {
        for (Path input : inputs) {
            if (isSame(output, input)) {
                throw new BadFileException("%s would be written over %s, which is read: give another file to write"
                        .formatted(output, input));
            }
        }
    }

    private static boolean isSame(Path output, Path input) {
        try {
            return Files.isSameFile(output, input);
        } catch (IOException e) {
            return false; // one of them is not there
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
            throw new BadFileException(
                    "the folder %s cannot be made (%s): give another one".formatted(folder, SystemReason.of(e)), e);
        }
    }

    private static void move(Path from, Path to) throws IOException {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static BadFileException cannotBeWritten(Path file, IOException e) {
        return new BadFileException("%s cannot be written: %s".formatted(file, SystemReason.of(e)), e);
    }

    private static void delete(Path temporary) {
        try {
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            temporary.toFile().deleteOnExit(); // still open elsewhere, on Windows: the last chance
        }
    }
}
