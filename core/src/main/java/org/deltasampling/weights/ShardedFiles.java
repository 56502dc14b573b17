package org.deltasampling.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.file.BadFileException;
import org.deltasampling.file.PathText;
import org.deltasampling.file.Quoted;

/** Several .safetensors files that are one model, as a {@code *.safetensors.index.json} lists them. */
public final class ShardedFiles implements WeightSource, AutoCloseable {

    private final Path index;
    private final Map<Path, WeightFile> files = new LinkedHashMap<>();
    private final Map<String, WeightFile> located = new LinkedHashMap<>();

    private ShardedFiles(Path index) {
        this.index = index;
    }

    /**
     * Opens every file that {@code index} names.
     *
     * @throws BadWeightsException if one is missing or bad, or lacks a tensor that it should hold
     */
    public static ShardedFiles open(Path index) {
        ShardedFiles shards = new ShardedFiles(index);
        try {
            JsonNode map = JsonFile.read(index).path("weight_map");
            if (!map.isObject() || map.isEmpty()) {
                throw new BadWeightsException("%s has no weight_map: download or copy it again".formatted(index));
            }
            map.properties().forEach(entry -> shards.locate(entry.getKey(), entry.getValue()));
            return shards;
        } catch (DeltaSamplingException e) {
            shards.close();
            throw e;
        }
    }

    private void locate(String name, JsonNode fileName) {
        WeightFile file = files.computeIfAbsent(shard(name, fileName), WeightFile::open);
        if (!file.names().contains(name)) {
            throw new BadWeightsException("%s says that %s is in %s, but it is not"
                    .formatted(index, Quoted.of(name), Quoted.of(fileName.asText())));
        }
        located.put(name, file);
    }

    /** A file beside the index; one that leads elsewhere belongs to no model. */
    private Path shard(String name, JsonNode fileName) {
        if (!fileName.isTextual() || !isPlain(fileName.textValue())) {
            throw new BadWeightsException("%s says that %s is in %s, which is not the name of a file beside it"
                    .formatted(index, Quoted.of(name), Quoted.of(fileName.toString())));
        }
        return PathText.parse(fileName.textValue(), index.resolveSibling(""));
    }

    private static boolean isPlain(String fileName) {
        return !fileName.isEmpty()
                && !fileName.startsWith(".")
                && fileName.chars().noneMatch(c -> c == '/' || c == '\\' || c == ':' || c == 0);
    }

    /** The files, without the index. */
    public List<Path> paths() {
        return List.copyOf(files.keySet());
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(located.keySet());
    }

    @Override
    public TensorInfo info(String name) {
        return file(name).info(name);
    }

    @Override
    public Tensor load(String name) {
        return file(name).load(name);
    }

    @Override
    public String origin() {
        return index.toString();
    }

    private WeightFile file(String name) {
        return Nearest.found(name, located, origin());
    }

    /**
     * Does nothing if the files are as they were when they were opened.
     *
     * @throws BadFileException if one was changed, replaced or deleted since
     */
    public void requireUnchanged() {
        files.values().forEach(WeightFile::requireUnchanged);
    }

    @Override
    public void close() {
        files.values().forEach(WeightFile::close);
    }
}
