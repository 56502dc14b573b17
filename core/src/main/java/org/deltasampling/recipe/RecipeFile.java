package org.deltasampling.recipe;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.delta.LambdaSchedule;
import org.deltasampling.file.PathText;
import org.deltasampling.file.Quoted;
import org.deltasampling.model.ModelOverrides;
import org.deltasampling.recipe.Recipe.Adapter;
import org.deltasampling.recipe.Recipe.Bridge;
import org.deltasampling.recipe.Recipe.Control;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Embedding;
import org.deltasampling.recipe.Recipe.IpAdapter;
import org.deltasampling.recipe.Recipe.Levels;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Preset;
import org.deltasampling.recipe.Recipe.Role;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.recipe.Recipe.Span;
import org.deltasampling.recipe.Recipe.TensorFile;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Precision;
import org.jspecify.annotations.Nullable;

/** Recipes as YAML and JSON: the two directions, next to each other. */
public final class RecipeFile {

    private static final int MOST_BYTES = 1 << 20;

    private static final String OUTPUT = "output";
    private static final String ZERO_SNR = "zero-snr";
    private static final String SOURCE_SIZE = "source-size";
    private static final String T5_TOKENIZER = "t5-tokenizer";

    // keys of adapters
    private static final String LORA = "lora";
    private static final String EMBEDDING = "embedding";
    private static final String TOKEN = "token";
    private static final String IP_ADAPTER = "ip-adapter";
    private static final String IMAGE_ENCODER = "image-encoder";
    private static final String WEIGHT = "weight";
    private static final String IMAGE = "image";
    private static final String FROM = "from";
    private static final String START = "start";
    private static final String END = "end";
    private static final String GUESS = "guess";

    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private RecipeFile() {}

    /** Where a recipe file says that its results go; null: nowhere. */
    public record Output(@Nullable Path image, @Nullable Path latents) {

        public static final Output NONE = new Output(null, null);
    }

    /** What a recipe file says: what to make, and where it goes. */
    public record Read(Recipe recipe, Output output) {}

    // ---- reading

    /**
     * The recipe in {@code file}, YAML or JSON; relative paths are resolved against its folder.
     *
     * @throws BadRecipeException naming the file if it holds no recipe, or one whose output leaves its folder
     */
    public static Read read(Path file) {
        String text = text(file);
        try {
            return parse(text, file.toAbsolutePath().resolveSibling(""));
        } catch (DeltaSamplingException e) {
            throw new BadRecipeException(file + ": " + e.getMessage(), e);
        }
    }

    private static String text(Path file) {
        if (!Files.isRegularFile(file)) { // reading a pipe or a device might never end
            throw new BadRecipeException(
                    "the recipe " + file + (Files.exists(file) ? " is not an ordinary file" : " does not exist"));
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(MOST_BYTES + 1);
            if (bytes.length > MOST_BYTES) {
                throw new BadRecipeException(file + " is too large for a recipe, which has at most 1 MB");
            }
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new BadRecipeException(file + " is no recipe: it is neither a text in UTF-8 nor a PNG", e);
        } catch (IOException e) {
            throw new BadRecipeException(
                    "the recipe " + file + " cannot be read: " + Quoted.of(String.valueOf(e.getMessage())), e);
        }
    }

    /**
     * What {@code text}, YAML or JSON, says; relative paths are resolved against {@code folder}, which outputs may not leave.
     *
     * @throws BadRecipeException if it is no recipe
     */
    public static Read parse(String text, Path folder) {
        Fields top = new Fields("", Yaml.read(text));
        Recipe recipe = recipe(top, name -> PathText.parse(name, folder));
        Fields output = top.map(OUTPUT).renamed("image", "picture");
        Read read = new Read(recipe, new Output(output(output, "image", folder), output(output, "latents", folder)));
        output.done();
        return read;
    }

    /** A result is written where its recipe lies: a recipe from elsewhere must not write into other folders. */
    private static @Nullable Path output(Fields f, String key, Path folder) {
        Path file = f.optional(key, name -> PathText.parse(name, folder));
        if (file == null) {
            return null;
        }
        Path inside = folder.toAbsolutePath().normalize();
        Path absolute = file.toAbsolutePath().normalize();
        if (!absolute.startsWith(inside) || !linked(absolute).startsWith(linked(inside))) {
            throw new BadRecipeException("%s leads out of the recipe's folder, which a recipe may not: %s"
                    .formatted(f.at(key), Quoted.of(file.toString())));
        }
        return absolute;
    }

    /** {@code path} with the links of what there is of it followed. */
    private static Path linked(Path path) {
        Path parent = path.getParent();
        try {
            return Files.exists(path) ? path.toRealPath() : parent == null ? path : linked(parent);
        } catch (IOException e) {
            throw new BadRecipeException(
                    Quoted.of(path.toString()) + " cannot be looked up: " + Quoted.of(String.valueOf(e.getMessage())),
                    e);
        }
    }

    /**
     * The recipe in {@code tree}; what it says of outputs is left aside.
     *
     * @param path of a name in it
     * @throws BadRecipeException if it is no recipe
     */
    public static Recipe recipe(JsonNode tree, Function<String, Path> path) {
        return recipe(new Fields("", tree), path);
    }

    private static Recipe recipe(Fields top, Function<String, Path> path) {
        Role target = role(top.map("target"), path);
        List<Delta> deltas = top.list("deltas", f -> delta(f, path));
        Sampling sampling = sampling(top.map("sampling"), path);
        Preset preset = top.value("preset", RecipeText::preset, Preset.DEFAULT);
        top.node(OUTPUT);
        top.done(); // a key that is misspelt is said before what is missing for it
        return new Recipe(target, deltas, sampling, preset);
    }

    private static Role role(Fields f, Function<String, Path> path) {
        f.renamed(T5_TOKENIZER, "t5_tokenizer");
        Role role = new Role(
                f.optional("model", path),
                f.text("prompt"),
                f.text("negative"),
                f.list("adapters", a -> adapter(a, path)),
                new ModelOverrides(
                        f.optional("vae", path),
                        f.optional(T5_TOKENIZER, path),
                        f.optional("prediction", RecipeText::prediction),
                        f.truth(ZERO_SNR),
                        f.text("scheduler")),
                f.optional("device", RecipeText::device));
        f.done();
        return role;
    }

    private static Adapter adapter(Fields f, Function<String, Path> path) {
        Path lora = f.optional(LORA, path);
        Path embedding = f.optional(EMBEDDING, path);
        Path prompt = f.optional(IP_ADAPTER, path);
        Adapter adapter;
        if (lora != null) {
            adapter = new Lora(lora, f.number(WEIGHT, 1));
        } else if (embedding != null) {
            adapter = new Embedding(embedding, f.text(TOKEN));
        } else if (prompt != null) {
            adapter = new IpAdapter(
                    prompt,
                    needed(f, IMAGE_ENCODER, path),
                    f.texts(IMAGE).stream().map(path).toList(),
                    f.number(WEIGHT, 1),
                    span(f));
        } else {
            adapter = control(f, path);
        }
        f.done();
        return adapter;
    }

    private static Span span(Fields f) {
        return new Span(f.number(START, 0), f.number(END, 1));
    }

    private static Path needed(Fields f, String key, Function<String, Path> path) {
        Path found = f.optional(key, path);
        if (found == null) {
            throw new BadRecipeException(f.at(key) + " is missing: the adapter needs it");
        }
        return found;
    }

    private static Control control(Fields f, Function<String, Path> path) {
        for (Control.Network kind : Control.Network.values()) {
            Path network = f.optional(Names.of(kind), path);
            if (network != null) {
                Boolean guess = kind == Control.Network.CONTROLNET ? f.truth(GUESS) : null;
                return new Control(
                        kind,
                        network,
                        needed(f, IMAGE, path),
                        f.value(FROM, RecipeText::controlFrom, Control.From.IMAGE),
                        f.number(WEIGHT, 1),
                        span(f),
                        Boolean.TRUE.equals(guess));
            }
        }
        throw new BadRecipeException(
                f.at(LORA)
                        + " is missing: an adapter is {lora: FILE, weight: 1.0}, or begins with embedding, controlnet, t2i-adapter or ip-adapter");
    }

    private static Delta delta(Fields f, Function<String, Path> path) {
        Role source = role(f.map("source"), path);
        Role adapted = role(f.map("adapted"), path);
        JsonNode node = f.node("lambda");
        LambdaSchedule lambda = node != null && node.isObject()
                ? lambda(f.map("lambda"))
                : LambdaSchedule.constant(f.number("lambda", 1));
        Bridge bridge = f.value("bridge", text -> RecipeText.bridge(text, path), Bridge.AUTO);
        Levels levels = f.value("levels", RecipeText::levels, Levels.SKIP);
        PixelSize sourceSize = f.optional(SOURCE_SIZE, RecipeText::size);
        f.done();
        return new Delta(source, adapted, lambda, bridge, levels, sourceSize);
    }

    private static LambdaSchedule lambda(Fields f) {
        LambdaSchedule lambda = new LambdaSchedule(
                f.number("value", 1),
                f.value("schedule", RecipeText::lambdaShape, LambdaSchedule.Shape.CONSTANT),
                f.number("start", 1),
                f.number("end", 0));
        f.done();
        return lambda;
    }

    private static Sampling sampling(Fields f, Function<String, Path> path) {
        Sampling d = Sampling.DEFAULT;
        Sampling sampling = new Sampling(
                new Sampling.Method(
                        f.text("sampler", d.sampler()), f.text("schedule"), f.whole("steps", d.steps(), 1, 1000)),
                new Sampling.Start(
                        f.value("seed", RecipeText::seed, d.seed()),
                        f.optional("size", RecipeText::size),
                        f.optional("noise", text -> RecipeText.tensorFile(text, path))),
                f.number("cfg", d.cfg()),
                f.whole("batch", d.batch(), 1, 1_000_000),
                f.value("precision", RecipeText::precision, d.precision()));
        f.done();
        return sampling;
    }

    // ---- writing: what is left out or as by default is not written

    /** {@code recipe} as YAML, in the form that {@link #parse} reads. */
    public static String yaml(Recipe recipe) {
        return Yaml.write(tree(recipe, Path::toString));
    }

    /**
     * {@code r} as a tree, in the form that {@link #recipe} reads.
     *
     * @param name of a file in it
     */
    public static ObjectNode tree(Recipe r, Function<Path, String> name) {
        ObjectNode top = NODES.objectNode();
        top.set("target", tree(r.target(), name));
        if (!r.deltas().isEmpty()) {
            ArrayNode deltas = top.putArray("deltas");
            for (Delta d : r.deltas()) {
                ObjectNode delta = deltas.addObject();
                delta.set("source", tree(d.source(), name));
                delta.set("adapted", tree(d.adapted(), name));
                delta.set("lambda", tree(d.lambda()));
                Path file = d.bridge().file();
                put(
                        delta,
                        "bridge",
                        file != null ? name.apply(file) : d.bridge().equals(Bridge.AUTO) ? null : d.bridge());
                put(delta, "levels", d.levels() == Levels.SKIP ? null : Names.of(d.levels()));
                put(delta, SOURCE_SIZE, d.sourceSize());
            }
        }
        top.set("sampling", tree(r.sampling(), name));
        if (r.preset() != Preset.DEFAULT) {
            top.put("preset", Names.of(r.preset()));
        }
        return top;
    }

    private static ObjectNode tree(Role role, Function<Path, String> name) {
        ModelOverrides overrides = role.overrides();
        ObjectNode node = NODES.objectNode();
        put(node, "model", role.model(), name);
        put(node, "prompt", role.prompt());
        put(node, "negative", role.negative());
        if (!role.adapters().isEmpty()) {
            ArrayNode adapters = node.putArray("adapters");
            role.adapters().forEach(adapter -> adapters.add(tree(adapter, name)));
        }
        put(node, "vae", overrides.vae(), name);
        put(node, T5_TOKENIZER, overrides.t5Tokenizer(), name);
        put(node, "prediction", overrides.prediction() == null ? null : RecipeText.of(overrides.prediction()));
        if (overrides.zeroSnr() != null) {
            node.put(ZERO_SNR, overrides.zeroSnr());
        }
        put(node, "scheduler", overrides.scheduler());
        put(node, "device", role.device());
        return node;
    }

    private static ObjectNode tree(Adapter adapter, Function<Path, String> name) {
        ObjectNode node = NODES.objectNode();
        if (adapter instanceof Lora lora) {
            node.put(LORA, name.apply(lora.file())).put(WEIGHT, lora.weight());
        } else if (adapter instanceof Embedding embedding) {
            node.put(EMBEDDING, name.apply(embedding.file()));
            put(node, TOKEN, embedding.token());
        } else if (adapter instanceof Control control) {
            node.put(Names.of(control.kind()), name.apply(control.file())).put(IMAGE, name.apply(control.image()));
            put(node, FROM, control.from() == Control.From.IMAGE ? null : Names.of(control.from()));
            node.put(WEIGHT, control.weight());
            put(node, control.span());
            if (control.guess()) {
                node.put(GUESS, true);
            }
        } else if (adapter instanceof IpAdapter prompt) {
            node.put(IP_ADAPTER, name.apply(prompt.file())).put(IMAGE_ENCODER, name.apply(prompt.encoder()));
            ArrayNode images = node.putArray(IMAGE);
            prompt.images().forEach(image -> images.add(name.apply(image)));
            node.put(WEIGHT, prompt.weight());
            put(node, prompt.span());
        }
        return node;
    }

    private static void put(ObjectNode node, Span span) {
        if (span.start() != 0) {
            node.put(START, span.start());
        }
        if (span.end() != 1) {
            node.put(END, span.end());
        }
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

    private static ObjectNode tree(Sampling s, Function<Path, String> name) {
        ObjectNode node = NODES.objectNode().put("sampler", s.sampler());
        put(node, "schedule", s.schedule());
        node.put("steps", s.steps()).put("cfg", s.cfg()).put("seed", new BigInteger(Long.toUnsignedString(s.seed())));
        put(node, "size", s.size());
        if (s.batch() != 1) {
            node.put("batch", s.batch());
        }
        if (s.precision() != Precision.FLOAT32) {
            node.put("precision", Names.of(s.precision()));
        }
        TensorFile noise = s.noise();
        put(node, "noise", noise == null ? null : RecipeText.of(name.apply(noise.file()), noise.key()));
        return node;
    }

    private static void put(ObjectNode node, String key, @Nullable Path file, Function<Path, String> name) {
        put(node, key, file == null ? null : name.apply(file));
    }

    private static void put(ObjectNode node, String key, @Nullable Object value) {
        if (value != null) {
            node.put(key, value.toString());
        }
    }
}
