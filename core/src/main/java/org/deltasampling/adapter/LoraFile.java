package org.deltasampling.adapter;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.FileKind;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightCheck;
import org.deltasampling.weights.WeightFile;
import org.jspecify.annotations.Nullable;

/**
 * A low-rank adapter on disk, in the spelling of kohya's scripts (with diffusers' or the original names), of PEFT and
 * diffusers, or of diffusers before PEFT. The file stays open until {@link #close}, as long as an adapter reads from it.
 */
public final class LoraFile implements AutoCloseable {

    /** Ends of the names of A, and of B beside them; what is before is the layer. */
    private enum Spelling {
        KOHYA(".lora_down.weight", ".lora_up.weight"),
        PEFT(".lora_A.weight", ".lora_B.weight"),
        PEFT_NAMED(".lora_A.default.weight", ".lora_B.default.weight"),
        DIFFUSERS(".lora.down.weight", ".lora.up.weight"),
        DIFFUSERS_TEXT(".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
        /** The layer keeps the {@code _lora} at its end. */
        DIFFUSERS_PROCESSOR("_lora.down.weight", "_lora.up.weight");

        private final String down;
        private final String up;

        Spelling(String down, String up) {
            this.down = down;
            this.up = up;
        }

        private String title() {
            return switch (this) {
                case KOHYA -> "kohya";
                case PEFT, PEFT_NAMED -> "PEFT";
                case DIFFUSERS, DIFFUSERS_TEXT, DIFFUSERS_PROCESSOR -> "diffusers";
            };
        }
    }

    /** Parts of names that show an adapter of another kind. */
    private static final Map<String, String> OTHER_KINDS = new TreeMap<>(Map.ofEntries(
            Map.entry(".hada_", "LoHa"),
            Map.entry(".lokr_", "LoKr"),
            Map.entry(".oft_", "OFT"),
            Map.entry(".a1.weight", "GLoRA"),
            Map.entry(".on_input", "IA3"),
            Map.entry(".lora_mid.", "LoCon with a Tucker core"),
            Map.entry(".dora_scale", "DoRA"),
            Map.entry(".lora_magnitude_vector", "DoRA"),
            Map.entry(".diff.", "full difference"),
            Map.entry(".diff_b.", "full difference"),
            Map.entry(".w_norm", "norm difference")));

    private static final ObjectMapper JSON = new ObjectMapper();

    /** The tensors of one layer, each by its name in the file. */
    private static final class Layer {
        private @Nullable String down;
        private @Nullable String up;
        private @Nullable String alpha;
    }

    /**
     * What a file holds, whatever model it is for.
     *
     * @param layers number of layers
     * @param ranks from the lowest to the highest
     * @param contextWidth width of the text embedding that its cross-attention reads, 0 if it has none: 768 in SD-1, 1024 in
     *     SD-2, 2048 in XL
     */
    public record Summary(String spelling, int layers, SortedSet<Long> ranks, long contextWidth) {}

    private final WeightFile file;
    private final Map<String, Layer> layers = new LinkedHashMap<>();
    private final List<String> strange = new ArrayList<>();
    private final SortedSet<String> spellings = new TreeSet<>();
    private final JsonNode config;

    private LoraFile(WeightFile file) {
        this.file = file;
        this.config = config(file);
        for (String name : file.names()) {
            refuseOtherKind(name);
            place(name);
        }
        if (layers.values().stream().allMatch(l -> l.down == null)) {
            FileKind kind = FileKind.of(file.names());
            throw new BadWeightsException("%s is %s where a LoRA is wanted".formatted(file.path(), kind.title()));
        }
    }

    /**
     * Opens an adapter.
     *
     * @throws BadWeightsException if it is no low-rank adapter, naming what it is
     */
    public static LoraFile open(Path path) {
        WeightFile file = WeightFile.open(path);
        try {
            return new LoraFile(file);
        } catch (BadWeightsException e) {
            file.close();
            throw e;
        }
    }

    private void refuseOtherKind(String name) {
        OTHER_KINDS.forEach((sign, kind) -> {
            if ((name + ".").contains(sign)) {
                throw new BadWeightsException(
                        "%s is an adapter of the kind %s, which is not supported yet: use a plain LoRA"
                                .formatted(file.path(), kind));
            }
        });
    }

    private void place(String name) {
        for (Spelling spelling : Spelling.values()) {
            boolean down = name.endsWith(spelling.down);
            if (down || name.endsWith(spelling.up)) {
                int kept = spelling == Spelling.DIFFUSERS_PROCESSOR ? "_lora".length() : 0;
                int end = name.length() - (down ? spelling.down : spelling.up).length() + kept;
                Layer layer = layer(name.substring(0, end));
                if (down) {
                    layer.down = name;
                } else {
                    layer.up = name;
                }
                spellings.add(spelling.title());
                return;
            }
        }
        if (name.endsWith(".alpha")) {
            layer(name.substring(0, name.length() - ".alpha".length())).alpha = name;
        } else {
            strange.add(name);
        }
    }

    private Layer layer(String name) {
        return layers.computeIfAbsent(name, n -> new Layer());
    }

    /** PEFT's settings: in the file's metadata where diffusers wrote it, or in adapter_config.json where PEFT did. */
    private static JsonNode config(WeightFile file) {
        try {
            String inside = file.metadata().get("lora_adapter_metadata");
            if (inside != null) {
                return JSON.readTree(inside);
            }
            Path beside = file.path().resolveSibling("adapter_config.json");
            boolean peft = file.names().stream().anyMatch(n -> n.contains(".lora_A."));
            return peft && Files.exists(beside) ? JSON.readTree(beside.toFile()) : MissingNode.getInstance();
        } catch (JsonProcessingException e) {
            throw new BadWeightsException(
                    "the settings of %s are not valid JSON: %s".formatted(file.path(), e.getOriginalMessage()), e);
        } catch (IOException e) {
            throw new BadWeightsException(
                    "the settings of %s cannot be read: %s".formatted(file.path(), e.getMessage()), e);
        }
    }

    /** Where it lies. */
    public Path path() {
        return file.path();
    }

    /** What the file holds. */
    public Summary summary() {
        SortedSet<Long> ranks = new TreeSet<>();
        long context = 0;
        for (Map.Entry<String, Layer> layer : layers.entrySet()) {
            String down = layer.getValue().down;
            if (down != null) {
                long[] shape = file.info(down).shape();
                ranks.add(shape[0]);
                if (layer.getKey().endsWith("attn2_to_k") || layer.getKey().endsWith("attn2.to_k")) {
                    context = shape[1];
                }
            }
        }
        return new Summary(String.join(" and ", spellings), layers.size(), ranks, context);
    }

    /**
     * The adapters for {@code model} at weight 1, by the names of the parts whose weights they change.
     *
     * @throws BadWeightsException naming every layer that the model does not have or that has another shape there
     */
    public Map<String, LowRank> on(Checkpoint model) {
        ModuleIndex index = ModuleIndex.of(model);
        Map<String, Map<String, LowRank.Factors>> factors = new LinkedHashMap<>();
        List<String> missing = new ArrayList<>();
        List<String> unused = new ArrayList<>(strange);
        List<String> shapeMismatches = new ArrayList<>();
        layers.forEach((name, layer) -> {
            List<ModuleIndex.Target> targets = index.find(name);
            String down = layer.down;
            String up = layer.up;
            if (targets.isEmpty()) {
                unused.add(name);
            } else if (down == null || up == null) {
                missing.add("%s of %s".formatted(down == null ? "the down half" : "the up half", name));
            } else if (!fits(file.info(down).shape(), file.info(up).shape(), targets.get(0))) {
                shapeMismatches.add("%s is %s and %s for a weight %s"
                        .formatted(
                                name,
                                Arrays.toString(file.info(down).shape()),
                                Arrays.toString(file.info(up).shape()),
                                Arrays.toString(whole(targets.get(0)))));
            } else {
                for (ModuleIndex.Target target : targets) {
                    double scale = scale(layer, target, (int) file.info(down).shape()[0]);
                    factors.computeIfAbsent(target.part(), part -> new LinkedHashMap<>())
                            .put(
                                    target.weight(),
                                    new LowRank.Factors(
                                            () -> file.load(down),
                                            () -> target.rows().apply(file.load(up)),
                                            scale));
                }
            }
        });
        WeightCheck check = new WeightCheck(missing, WeightCheck.hinted(unused, index.spellings()), shapeMismatches);
        if (!check.passed()) {
            throw new BadWeightsException("%s (%d of its %d layers fit %s, a %s)"
                    .formatted(
                            check.message(path()),
                            factors.values().stream().mapToInt(Map::size).sum(),
                            layers.size(),
                            model.path(),
                            model.architecture().title()));
        }
        Map<String, LowRank> adapters = new LinkedHashMap<>();
        factors.forEach((part, changes) -> adapters.put(part, LowRank.of(changes)));
        return adapters;
    }

    /** Whether up (out, rank) times down (rank, in ...) has the elements of a weight (out, in ...). */
    private static boolean fits(long[] down, long[] up, ModuleIndex.Target target) {
        long[] weight = whole(target);
        return up.length >= 2
                && down.length >= 2
                && up[0] == weight[0]
                && up[1] == down[0]
                && count(up) == up[0] * up[1]
                && count(down) * weight[0] == count(weight) * down[0];
    }

    /** The form of all the weights together that share an adapter's layer. */
    private static long[] whole(ModuleIndex.Target target) {
        long[] shape = target.shape().clone();
        shape[0] *= target.sharing();
        return shape;
    }

    private static long count(long[] shape) {
        return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }

    /** alpha / rank; alpha is the layer's own, else the settings', else the rank. */
    private double scale(Layer layer, ModuleIndex.Target target, int rank) {
        if (layer.alpha != null) {
            try (TensorScope scope = TensorScope.open()) {
                Tensor alpha = file.load(layer.alpha);
                return alpha.item_double() / rank;
            }
        }
        double alpha = setting(target, "lora_alpha").asDouble(rank);
        String module = target.weight().substring(0, target.weight().length() - ".weight".length());
        for (Map.Entry<String, JsonNode> own : setting(target, "alpha_pattern").properties()) {
            if (module.equals(own.getKey()) || module.endsWith("." + own.getKey())) {
                alpha = own.getValue().asDouble();
            }
        }
        return alpha / (setting(target, "use_rslora").asBoolean() ? Math.sqrt(rank) : rank);
    }

    private JsonNode setting(ModuleIndex.Target target, String key) {
        String inPart = target.part() + "." + key;
        return config.has(inPart) ? config.get(inPart) : config.path(key);
    }

    /** Closes the file; an adapter from it can load no more, but what was loaded stays valid. */
    @Override
    public void close() {
        file.close();
    }
}
