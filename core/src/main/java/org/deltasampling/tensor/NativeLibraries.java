package org.deltasampling.tensor;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.StandardOpenOption;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.openblas.global.openblas;
import org.bytedeco.pytorch.global.torch;

/** libtorch in this process: loaded once, set up to use the processor's cores well. */
public final class NativeLibraries {

    /** Beside the libraries that JavaCPP extracts; its own lock, {@code .lock}, does not cover their being loaded. */
    private static final String LOCK = ".delta-sampling.lock";

    private static boolean loaded;

    private NativeLibraries() {}

    /**
     * Loads them, if that has not been done; to be called before libtorch is first used. Processes that share a cache of
     * extracted libraries take turns: JavaCPP overwrites a file in it that another process may have mapped.
     */
    public static synchronized void load() {
        if (!loaded) {
            loadInTurn();
            try (PointerScope scope = new PointerScope()) { // for what loading leaves behind
                // attention calls BLAS from each of libtorch's threads; more threads there would fight over the cores
                openblas.blas_set_num_threads(1);
            }
            loaded = true;
        }
    }

    private static void loadInTurn() {
        try (FileChannel channel = FileChannel.open(
                        Loader.getCacheDir().toPath().resolve(LOCK),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            loadAll();
        } catch (IOException | OverlappingFileLockException e) { // a cache that is only read needs no turns
            loadAll();
        }
    }

    private static void loadAll() {
        Loader.load(openblas.class);
        Loader.load(torch.class);
    }
}
