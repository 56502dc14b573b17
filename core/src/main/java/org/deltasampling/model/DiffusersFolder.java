package org.deltasampling.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.deltasampling.file.Quoted;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.JsonFile;

/** A model folder as diffusers writes it: model_index.json, and a folder for each part. */
record DiffusersFolder(Path root, JsonNode index) {

    /** diffusers' classes of the families; the second of each pair draws over an image with the same models. */
    private static final List<String> PIPELINES = List.of(
            "StableDiffusionPipeline",
            "StableDiffusionImg2ImgPipeline",
            "StableDiffusionXLPipeline",
            "StableDiffusionXLImg2ImgPipeline",
            "StableDiffusion3Pipeline",
            "StableDiffusion3Img2ImgPipeline");

    /**
     * The folder {@code root}.
     *
     * @throws BadWeightsException if it is not a model, or one of another family, saying what it is
     */
    static DiffusersFolder open(Path root) {
        Path file = root.resolve("model_index.json");
        if (!Files.exists(file)) {
            List<Path> inside = PartFolder.list(root, n -> n.endsWith(".safetensors"));
            throw new BadWeightsException("%s is not a diffusers folder: it has no model_index.json; %s"
                    .formatted(
                            root,
                            inside.isEmpty()
                                    ? "give the folder that has one"
                                    : "if you mean a file in it, give " + inside.get(0)));
        }
        DiffusersFolder folder = new DiffusersFolder(root, JsonFile.read(file));
        folder.requireStableDiffusion();
        return folder;
    }

    private void requireStableDiffusion() {
        String pipeline = index.path("_class_name").asText();
        if (!PIPELINES.contains(pipeline)) {
            throw new BadWeightsException(
                    "%s is a %s: give a Stable Diffusion 1.x, 2.x, XL, 3 or 3.5 model, whose pipeline is one of %s"
                            .formatted(
                                    root,
                                    pipeline.isEmpty() ? "folder of unknown kind" : Quoted.of(pipeline),
                                    String.join(", ", PIPELINES)));
        }
        boolean xl = pipeline.startsWith("StableDiffusionXL");
        if (xl && !has(PartNames.textEncoder(0)) && has(PartNames.textEncoder(1))) {
            throw new BadWeightsException(
                    "%s is %s: %s".formatted(root, FileKind.SDXL_REFINER.title(), FileKind.SDXL_REFINER.advice()));
        }
    }

    /** Whether the model has such a part: an optional one may be left out, or null in model_index.json. */
    boolean has(String part) {
        return index.path(part).path(0).isTextual();
    }

    /** The folder of a part. */
    PartFolder part(String name) {
        return new PartFolder(root.resolve(name));
    }

    /** A setting of the pipeline. */
    boolean flag(String key, boolean otherwise) {
        JsonNode value = index.path(key);
        if (!value.isBoolean() && !value.isMissingNode() && !value.isNull()) {
            throw new BadWeightsException("%s cannot be used: %s is %s where true or false is needed"
                    .formatted(root.resolve("model_index.json"), key, Quoted.of(value.toString())));
        }
        return value.asBoolean(otherwise);
    }
}
