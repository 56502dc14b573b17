package org.deltasampling.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.file.BadFileException;
import org.deltasampling.file.PathText;
import org.deltasampling.file.Quoted;

/** Several files that are one model, as a {@code *.safetensors.index.json} or {@code *.bin.index.json} lists them. */
public final class ShardedFiles implements WeightView, AutoCloseable {

    private final Map<Path, WeightFile> files;
    private final WeightSource weights;

    private ShardedFiles(Map<Path, WeightFile> files, WeightSource weights) {
        this.files = files;
        this.weights = weights;
    }

    /**
     * Opens every file that {@code index} names.
     *
     * @throws BadWeightsException if one is missing or bad, or lacks a tensor that it should hold
     */
    public static ShardedFiles open(Path index) {
        JsonNode map = JsonFile.read(index).path("weight_map");
        if (!map.isObject() || map.isEmpty()) {
            throw new BadWeightsException("%s has no weight_map: download or copy it again".formatted(index));
        }
        Map<Path, WeightFile> files = new LinkedHashMap<>();
        try {
            Map<String, WeightSource> located = new LinkedHashMap<>();
            for (Map.Entry<String, JsonNode> entry : map.properties()) {
                String name = entry.getKey();
                Path shard = shard(index, name, entry.getValue());
                WeightFile file = files.computeIfAbsent(shard, WeightFile::shard);
                if (!file.names().contains(name)) {
                    throw new BadWeightsException("%s says that %s is in %s, but it is not"
                            .formatted(
                                    index,
                                    Quoted.of(name),
                                    Quoted.of(entry.getValue().textValue())));
                }
                located.put(name, file);
            }
            return new ShardedFiles(files, ScaledFloat8.over(new Joined(located, index.toString())));
        } catch (DeltaSamplingException e) {
            files.values().forEach(WeightFile::close);
            throw e;
        }
    }

    /** A file beside the index; one that leads elsewhere belongs to no model. */
    private static Path shard(Path index, String name, JsonNode fileName) {
        if (!fileName.isTextual() || !isPlain(fileName.textValue())) {
            throw new BadWeightsException("%s says that %s is in %s, which is not the name of a file beside it"
                    .formatted(index, Quoted.of(name), Quoted.of(fileName.toString())));
        }
        Path shard = PathText.parse(fileName.textValue(), index.resolveSibling(""));
        if (!Files.exists(shard)) {
            throw new BadWeightsException("%s does not exist, which holds %s as %s says: download or copy it too"
                    .formatted(Quoted.of(fileName.textValue()), Quoted.of(name), index));
        }
        return shard;
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
    public WeightSource source() {
        return weights;
    }

    @Override
    public Tensor load(String name) {
        return weights.load(name);
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
