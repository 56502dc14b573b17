package org.deltasampling.adapter;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.WeightSource;

/**
 * Every way in which adapter files spell the layers of one model. Spellings are made from the known names, never parsed:
 * kohya's join the words of a name by underscores, which cannot be undone.
 */
final class ModuleIndex {

    /**
     * A layer's weight in the model, and the part that it is in, by its name in {@link Checkpoint#parts}.
     *
     * @param sharing of how many such weights the adapter's layer is one, stacked: 3 for fused queries, keys and values
     * @param rows what this weight takes of the rows of that layer
     */
    record Target(String part, String weight, long[] shape, int sharing, UnaryOperator<Tensor> rows) {

        private static Target of(String part, String weight, long[] shape) {
            return new Target(part, weight, shape, 1, UnaryOperator.identity());
        }

        private Target in(KeyTable file) {
            return new Target(part, weight, shape, file.sharing(weight), up -> file.rows(weight, up));
        }

        private boolean isSame(Target other) {
            return part.equals(other.part) && weight.equals(other.weight);
        }
    }

    private static final String WEIGHT = ".weight";

    /** Attention layers in adapters of diffusers before PEFT: {@code attn1.processor.to_q_lora}. */
    private static final Map<String, String> PROCESSORS = Map.of(
            "to_q", "to_q_lora",
            "to_k", "to_k_lora",
            "to_v", "to_v_lora",
            "to_out.0", "to_out_lora",
            "q_proj", "to_q_lora",
            "k_proj", "to_k_lora",
            "v_proj", "to_v_lora",
            "out_proj", "to_out_lora");

    private final Map<String, List<Target>> targets = new LinkedHashMap<>();

    static ModuleIndex of(Checkpoint model) {
        ModuleIndex index = new ModuleIndex();
        KeyTable original = model.inOriginalNames();
        layers(model.networkName(), model.network().weights())
                .forEach((layer, target) -> index.addNetwork(layer, original, target));
        Map<String, Checkpoint.Part<?>> parts = model.parts();
        boolean alone = !parts.containsKey(Checkpoint.textEncoder(1));
        for (int i = 0;
                parts.containsKey(Checkpoint.textEncoder(i))
                        && i < model.texts().size();
                i++) {
            String number = alone ? "" : Integer.toString(i + 1); // as kohya's scripts have it
            layers(Checkpoint.textEncoder(i), model.texts().get(i).weights()).forEach((layer, target) -> {
                index.addText(layer, "lora_te" + number + "_", target);
                if (alone) {
                    index.add(target, layer); // after base_model.model., which does not say which encoder it means
                }
            });
        }
        model.t5()
                .ifPresent(t5 -> layers(Checkpoint.T5, t5.weights())
                        .forEach((layer, target) -> index.addText(layer, "lora_te3_", target)));
        return index;
    }

    private static Map<String, Target> layers(String part, WeightSource weights) {
        Map<String, Target> layers = new LinkedHashMap<>();
        for (String name : weights.names()) {
            long[] shape = weights.info(name).shape();
            if (name.endsWith(WEIGHT) && shape.length >= 2) {
                layers.put(name.substring(0, name.length() - WEIGHT.length()), Target.of(part, name, shape));
            }
        }
        return layers;
    }

    private void addNetwork(String layer, KeyTable original, Target target) {
        String inFile =
                original.nameInFile(target.weight()).substring(original.within().length());
        String inOriginal = inFile.substring(0, inFile.length() - WEIGHT.length());
        add(target, layer, target.part() + "." + layer);
        add(target, "lora_unet_" + underscored(layer), "lora_" + target.part() + "_" + underscored(layer));
        Target inOneFile = target.in(original);
        add(inOneFile, "diffusion_model." + inOriginal, "lora_unet_" + underscored(inOriginal));
        addProcessor(target, layer, ".processor.", List.of("", target.part() + "."));
    }

    private void addText(String layer, String kohya, Target target) {
        String with = "text_model.";
        String bare = layer.startsWith(with) ? layer.substring(with.length()) : layer; // as transformers 5 writes it
        for (String spelled : List.of(layer, bare)) {
            add(target, target.part() + "." + spelled, kohya + underscored(spelled));
        }
        addProcessor(target, layer, ".", List.of(target.part() + "."));
    }

    private void addProcessor(Target target, String layer, String between, List<String> prefixes) {
        PROCESSORS.forEach((name, processor) -> {
            if (layer.endsWith("." + name)) {
                String parent = layer.substring(0, layer.length() - name.length() - 1);
                prefixes.forEach(prefix -> add(target, prefix + parent + between + processor));
            }
        });
    }

    private static String underscored(String name) {
        return name.replace('.', '_');
    }

    private void add(Target target, String... spellings) {
        for (String spelling : spellings) {
            List<Target> known = targets.computeIfAbsent(spelling, s -> new ArrayList<>());
            if (known.stream().noneMatch(target::isSame)) {
                known.add(target);
            }
            if (known.size() > target.sharing()) {
                throw new IllegalStateException("%s means both %s and %s"
                        .formatted(spelling, known.get(0).weight(), target.weight()));
            }
        }
    }

    /** What a file calls {@code module}: one weight, or those that it stacks, or none where the model has no such layer. */
    List<Target> find(String module) {
        String peft = "base_model.model.";
        return targets.getOrDefault(module.startsWith(peft) ? module.substring(peft.length()) : module, List.of());
    }

    Set<String> spellings() {
        return targets.keySet();
    }
}
