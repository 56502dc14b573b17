package org.deltasampling.file;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;

/** SHA-256 of model files, each read once as long as it stays as it is, in the background: hashing gigabytes should not delay an image. */
public final class FileHashes {

    private final Map<FileStamp, CompletableFuture<String>> hashes = new ConcurrentHashMap<>();

    /** Begins to hash those of {@code files} where that has not begun. */
    public void begin(Iterable<Path> files) {
        for (Path file : files) {
            CompletableFuture<String> unused = hash(file);
        }
    }

    private CompletableFuture<String> hash(Path file) {
        try {
            return hashes.computeIfAbsent(
                    FileStamp.of(file), stamp -> CompletableFuture.supplyAsync(() -> sha256(stamp.file())));
        } catch (IOException e) {
            return CompletableFuture.failedFuture(gone(file, e));
        }
    }

    /**
     * The hash of {@code file} in hexadecimal; waits for it.
     *
     * @throws BadFileException if the file cannot be read
     */
    public String of(Path file) {
        try {
            return hash(file).join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof BadFileException bad) {
                throw bad;
            }
            throw e;
        }
    }

    private static BadFileException gone(Path file, IOException e) {
        return new BadFileException("the model file " + file + " is gone or cannot be read", e);
    }

    private static String sha256(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[1 << 20];
            for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
                digest.update(buffer, 0, n);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            throw gone(file, e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has SHA-256
        }
    }
}
