package org.deltasampling.pipeline;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.deltasampling.file.FileStamps;
import org.deltasampling.tensor.Device;

/** A network beside a role's model, of an adapter that is not a change of weights: opened first, then loaded. */
interface SideModel extends AutoCloseable {

    /** All that it was read from. */
    List<Path> files();

    /** Where it computes. */
    Device device();

    /** What it takes in the processor's memory, once it is loaded. */
    MemoryPlan.Part inMemory();

    /**
     * Reads and converts its weights, if that has not been done.
     *
     * @param loading is told where it lies, before anything is read
     */
    void load(Consumer<Path> loading);

    /** Releases its weights, which {@link #load} reads again. */
    void release();

    /** How its files were when it was opened. */
    FileStamps stamps();

    @Override
    void close();
}
