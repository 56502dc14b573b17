package org.deltasampling.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.KeyTable;

/** Where things lie in a model folder as diffusers writes it: model_index.json, and a folder for each part. */
record DiffusersFolder(Path root) {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** diffusers' classes of the families; the second of each pair draws over an image with the same models. */
    private static final List<String> PIPELINES = List.of(
            "StableDiffusionPipeline",
            "StableDiffusionImg2ImgPipeline",
            "StableDiffusionXLPipeline",
            "StableDiffusionXLImg2ImgPipeline",
            "StableDiffusion3Pipeline",
            "StableDiffusion3Img2ImgPipeline");

    /** Refuses a folder that is no model, or a model of another family. */
    void requireStableDiffusion() {
        if (!Files.exists(root.resolve("model_index.json"))) {
            List<Path> inside = list(root, n -> n.endsWith(".safetensors"));
            throw new BadWeightsException("%s is no diffusers folder: it has no model_index.json; %s"
                    .formatted(
                            root,
                            inside.isEmpty()
                                    ? "give the folder that has one"
                                    : "if you mean a file in it, give " + inside.get(0)));
        }
        JsonNode index = index();
        String pipeline = index.path("_class_name").asText();
        if (!PIPELINES.contains(pipeline)) {
            throw new BadWeightsException(
                    "%s is a %s: give a Stable Diffusion 1.x, 2.x, XL, 3 or 3.5 model, whose pipeline is one of %s"
                            .formatted(
                                    root,
                                    pipeline.isEmpty() ? "folder of unknown kind" : pipeline,
                                    String.join(", ", PIPELINES)));
        }
        if (index.path("text_encoder").path(0).isNull()) {
            throw new BadWeightsException(
                    "%s is %s: %s".formatted(root, FileKind.SDXL_REFINER.title(), FileKind.SDXL_REFINER.advice()));
        }
    }

    /** Whether the model has such a part: an optional one may be left out, or null in model_index.json. */
    boolean has(String part) {
        return index().path(part).path(0).isTextual();
    }

    /** The model_index.json. */
    JsonNode index() {
        return json(root.resolve("model_index.json"));
    }

    /** The config of a part. */
    JsonNode config(String part) {
        return json(file(part, "config.json"));
    }

    /** A file of a part, which must be there. */
    Path file(String part, String name) {
        Path path = root.resolve(part).resolve(name);
        if (!Files.exists(path)) {
            throw new BadWeightsException("%s is incomplete: %s is missing; download or copy it again"
                    .formatted(root, root.relativize(path)));
        }
        return path;
    }

    /**
     * The weights of a part: one .safetensors file, or the .safetensors.index.json of several. A variant, such as {@code
     * model.fp16.safetensors}, is taken where there is no file without one.
     */
    Path weights(String part, String stem) {
        Path folder = root.resolve(part);
        List<Path> found = list(
                folder, n -> n.startsWith(stem + ".") && (n.endsWith(".safetensors") || isIndex(n)) && !isShard(n));
        if (!found.isEmpty()) {
            return found.get(0);
        }
        if (!list(folder, n -> n.endsWith(".bin") || n.endsWith(".ckpt") || n.endsWith(".pt"))
                .isEmpty()) {
            throw new BadWeightsException(
                    "%s has only pickles, which can run code of their author's when opened; save the model as .safetensors"
                            .formatted(folder));
        }
        throw new BadWeightsException("%s is incomplete: there is no %s.safetensors in %s; download or copy it again"
                .formatted(root, stem, part));
    }

    /** The names of a text encoder of that config. */
    static KeyTable textTable(ClipText.Config c) {
        return KeyTable.read(c.projection() == 0 ? "clip-transformers" : "clip-projected");
    }

    static boolean isIndex(String fileName) {
        return fileName.contains(".safetensors.index.") && fileName.endsWith(".json");
    }

    private static boolean isShard(String fileName) {
        return fileName.contains("-of-") && !isIndex(fileName);
    }

    /** The shortest names first: those without a variant. */
    private static List<Path> list(Path folder, Predicate<String> wanted) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(p -> wanted.test(p.getFileName().toString()))
                    .sorted(Comparator.comparingInt(
                                    (Path p) -> variantLength(p.getFileName().toString()))
                            .thenComparing(Comparator.naturalOrder()))
                    .toList();
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(folder, e.getMessage()), e);
        }
    }

    private static int variantLength(String fileName) {
        return fileName.replace(".safetensors.index", "")
                .replace(".json", "")
                .replace(".safetensors", "")
                .length();
    }

    static JsonNode json(Path path) {
        return json(path, JSON);
    }

    static JsonNode json(Path path, ObjectMapper mapper) {
        try {
            return mapper.readTree(path.toFile());
        } catch (JsonProcessingException e) {
            throw new BadWeightsException(
                    "%s is not valid JSON (%s); download or copy it again".formatted(path, e.getOriginalMessage()), e);
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(path, e.getMessage()), e);
        }
    }
}
