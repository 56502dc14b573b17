package org.deltasampling.recipe;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import java.nio.file.Path;
import java.util.List;
import org.deltasampling.delta.LambdaSchedule;
import org.deltasampling.file.PathText;
import org.deltasampling.model.ModelOverrides;
import org.deltasampling.recipe.Recipe.Bridge;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Levels;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Output;
import org.deltasampling.recipe.Recipe.Preset;
import org.deltasampling.recipe.Recipe.Role;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.recipe.Recipe.TensorFile;
import org.deltasampling.tensor.Precision;
import org.jspecify.annotations.Nullable;

/** Recipes as YAML and JSON: the two directions, next to each other. */
public final class RecipeFile {

    /** YAML is a superset of JSON, so this reads both. */
    private static final ObjectMapper YAML = new ObjectMapper(YAMLFactory.builder()
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
            .disable(YAMLGenerator.Feature.SPLIT_LINES)
            .build());

    private static final String SOURCE_SIZE = "source-size";

    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    static {
        YAML.enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);
    }

    private RecipeFile() {}

    /** The recipe that {@code text}, YAML or JSON, says; relative paths are resolved against {@code folder}. */
    public static Recipe parse(String text, Path folder) {
        try {
            return recipe(YAML.readTree(text), folder);
        } catch (JsonProcessingException e) {
            String line =
                    e.getLocation() == null ? "" : " in line " + e.getLocation().getLineNr();
            throw new BadRecipeException(
                    "the recipe is no valid YAML" + line + ": "
                            + String.valueOf(e.getOriginalMessage())
                                    .lines()
                                    .findFirst()
                                    .orElse("unreadable"),
                    e);
        }
    }

    /** {@code recipe} as YAML, in the form that {@link #parse} reads. */
    public static String yaml(Recipe recipe) {
        try {
            return YAML.writeValueAsString(tree(recipe));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    // ---- reading

    /** The recipe of a parsed file. */
    public static Recipe recipe(JsonNode tree, Path folder) {
        Fields top = new Fields("", tree);
        Role target = role(top.map("target"), folder);
        List<Delta> deltas = top.list("deltas", f -> delta(f, folder));
        Sampling sampling = sampling(top.map("sampling"), folder);
        Output output = output(top.map("output"), folder);
        String preset = top.text("preset");
        top.done();
        return new Recipe(target, deltas, sampling, output, preset == null ? Preset.DEFAULT : Recipe.preset(preset));
    }

    private static Role role(Fields f, Path folder) {
        String device = f.text("device");
        Role role = new Role(
                optionalPath(f, "model", folder),
                f.text("prompt"),
                f.text("negative"),
                f.list("adapters", a -> lora(a, folder)),
                new ModelOverrides(optionalPath(f, "vae", folder), optionalPath(f, "t5_tokenizer", folder)),
                device == null ? null : Recipe.device(device));
        f.done();
        return role;
    }

    private static Lora lora(Fields f, Path folder) {
        Path file = optionalPath(f, "lora", folder);
        if (file == null) {
            throw new BadRecipeException(f.at("lora") + " is missing: an adapter is {lora: FILE, weight: 1.0}");
        }
        Lora lora = new Lora(file, f.number("weight", 1));
        f.done();
        return lora;
    }

    private static Delta delta(Fields f, Path folder) {
        Role source = role(f.map("source"), folder);
        Role adapted = role(f.map("adapted"), folder);
        JsonNode lambda = f.node("lambda");
        String bridge = f.text("bridge");
        String levels = f.text("levels");
        String size = f.text(SOURCE_SIZE);
        Delta delta = new Delta(
                source,
                adapted,
                lambda != null && lambda.isObject()
                        ? lambda(f.map("lambda"))
                        : LambdaSchedule.constant(f.number("lambda", 1)),
                bridge == null ? Bridge.AUTO : Bridge.parse(bridge, folder),
                levels == null ? Levels.SKIP : Recipe.levels(levels),
                size == null ? null : Recipe.size(size));
        f.done();
        return delta;
    }

    private static LambdaSchedule lambda(Fields f) {
        LambdaSchedule lambda = LambdaSchedule.of(
                f.number("value", 1), f.text("schedule", "constant"), f.number("start", 1), f.number("end", 0));
        f.done();
        return lambda;
    }

    private static Sampling sampling(Fields f, Path folder) {
        Sampling d = Sampling.DEFAULT;
        String size = f.text("size");
        String noise = f.text("noise");
        String precision = f.text("precision");
        Sampling sampling = new Sampling(
                f.text("sampler", d.sampler()),
                f.text("schedule"),
                (int) f.whole("steps", d.steps(), 1, 1000),
                f.number("cfg", d.cfg()),
                f.whole("seed", d.seed(), Long.MIN_VALUE, Long.MAX_VALUE),
                size == null ? null : Recipe.size(size),
                (int) f.whole("batch", d.batch(), 1, 1_000_000),
                precision == null ? d.precision() : Recipe.precision(precision),
                noise == null ? null : TensorFile.parse(noise, folder));
        f.done();
        return sampling;
    }

    private static Output output(Fields f, Path folder) {
        Output output = new Output(optionalPath(f, "image", folder), optionalPath(f, "latents", folder));
        f.done();
        return output;
    }

    private static @Nullable Path optionalPath(Fields f, String key, Path folder) {
        String text = f.text(key);
        return text == null ? null : PathText.parse(text, folder);
    }

    // ---- writing: what is left out or as by default is not written

    /** {@code r} as a tree, in the form that {@link #recipe} reads. */
    public static ObjectNode tree(Recipe r) {
        ObjectNode top = NODES.objectNode();
        top.set("target", tree(r.target()));
        if (!r.deltas().isEmpty()) {
            ArrayNode deltas = top.putArray("deltas");
            for (Delta d : r.deltas()) {
                ObjectNode delta = deltas.addObject();
                delta.set("source", tree(d.source()));
                delta.set("adapted", tree(d.adapted()));
                delta.set("lambda", tree(d.lambda()));
                put(delta, "bridge", d.bridge().equals(Bridge.AUTO) ? null : d.bridge());
                put(delta, "levels", d.levels() == Levels.SKIP ? null : Names.of(d.levels()));
                put(delta, SOURCE_SIZE, d.sourceSize());
            }
        }
        top.set("sampling", tree(r.sampling()));
        ObjectNode output = NODES.objectNode();
        put(output, "image", r.output().image());
        put(output, "latents", r.output().latents());
        if (!output.isEmpty()) {
            top.set("output", output);
        }
        if (r.preset() != Preset.DEFAULT) {
            top.put("preset", Names.of(r.preset()));
        }
        return top;
    }

    private static ObjectNode tree(Role role) {
        ObjectNode node = NODES.objectNode();
        put(node, "model", role.model());
        put(node, "prompt", role.prompt());
        put(node, "negative", role.negative());
        if (!role.adapters().isEmpty()) {
            ArrayNode adapters = node.putArray("adapters");
            role.adapters()
                    .forEach(a -> adapters.addObject()
                            .put("lora", a.file().toString())
                            .put("weight", a.weight()));
        }
        put(node, "vae", role.files().vae());
        put(node, "t5_tokenizer", role.files().t5Tokenizer());
        put(node, "device", role.device());
        return node;
    }

    private static JsonNode tree(LambdaSchedule lambda) {
        if (lambda.equals(LambdaSchedule.constant(lambda.value()))) {
            return NODES.numberNode(lambda.value());
        }
        return NODES.objectNode()
                .put("value", lambda.value())
                .put("schedule", Names.of(lambda.shape()))
                .put("start", lambda.start())
                .put("end", lambda.end());
    }

    private static ObjectNode tree(Sampling s) {
        ObjectNode node = NODES.objectNode().put("sampler", s.sampler());
        put(node, "schedule", s.schedule());
        node.put("steps", s.steps()).put("cfg", s.cfg()).put("seed", s.seed());
        put(node, "size", s.size());
        if (s.batch() != 1) {
            node.put("batch", s.batch());
        }
        if (s.precision() != Precision.FLOAT32) {
            node.put("precision", Names.of(s.precision()));
        }
        put(node, "noise", s.noise());
        return node;
    }

    private static void put(ObjectNode node, String key, @Nullable Object value) {
        if (value != null) {
            node.put(key, value.toString());
        }
    }
}
