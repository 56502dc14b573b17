package org.deltasampling.model;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.deltasampling.tensor.CloseTogether;
import org.deltasampling.weights.ShardedFiles;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSource;

/** The files with a model's weights, open until {@link #close}. */
final class OpenFiles implements AutoCloseable {

    private final List<Path> paths = new ArrayList<>();
    private final CloseTogether sources = new CloseTogether();

    /** One file. */
    WeightFile file(Path file) {
        WeightFile opened = WeightFile.open(file);
        keep(opened, List.of(file));
        return opened;
    }

    /** One file, or all that an index names. */
    WeightSource weights(Path file) {
        if (!PartFolder.isIndex(file.getFileName().toString())) {
            return file(file);
        }
        ShardedFiles shards = ShardedFiles.open(file);
        keep(shards, shards.paths());
        return shards;
    }

    /** A config that was read and closed again. */
    void alsoRead(Path file) {
        paths.add(file);
    }

    private void keep(AutoCloseable source, List<Path> files) {
        sources.keep(source);
        paths.addAll(files);
    }

    /** Where they are. */
    List<Path> paths() {
        return List.copyOf(paths);
    }

    @Override
    public void close() {
        sources.close();
    }
}
