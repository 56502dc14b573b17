package org.deltasampling.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

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
            JsonNode map = new ObjectMapper().readTree(index.toFile()).path("weight_map");
            if (!map.isObject() || map.isEmpty()) {
                throw new BadWeightsException("%s has no weight_map: download or copy it again".formatted(index));
            }
            map.properties()
                    .forEach(entry ->
                            shards.locate(entry.getKey(), entry.getValue().asText()));
            return shards;
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(index, e.getMessage()), e);
        } catch (BadWeightsException e) {
            shards.close();
            throw e;
        }
    }

    private void locate(String name, String fileName) {
        WeightFile file = files.computeIfAbsent(index.resolveSibling(fileName), WeightFile::open);
        if (!file.names().contains(name)) {
            throw new BadWeightsException("%s says that %s is in %s, but it is not".formatted(index, name, fileName));
        }
        located.put(name, file);
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

    @Override
    public void close() {
        files.values().forEach(WeightFile::close);
    }
}
