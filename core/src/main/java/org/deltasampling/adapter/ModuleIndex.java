package org.deltasampling.adapter;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.Nearest;
import org.deltasampling.weights.WeightSource;
import org.jspecify.annotations.Nullable;

/**
 * Every way in which adapter files name the modules of one model. A name is a prefix, which says the part, and the module's
 * name in that part, each perhaps with wrappers before it. The names of modules are made from those that are known, never
 * parsed: kohya's join the words of a name by underscores, which cannot be undone.
 */
final class ModuleIndex {

    /**
     * A weight or a bias of the model.
     *
     * @param part that it is in, by its name in {@link Checkpoint#parts}
     * @param weight its canonical name there
     * @param sharing of how many such tensors the adapter's is one, stacked: 3 for fused queries, keys and values
     * @param rows what this one takes of the rows of the adapter's
     */
    record Target(String part, String weight, long[] shape, int sharing, UnaryOperator<Tensor> rows) {

        private static Target of(String part, String weight, long[] shape) {
            return new Target(part, weight, shape, 1, UnaryOperator.identity());
        }

        private Target in(KeyTable file) {
            return new Target(part, weight, shape, file.sharing(weight), all -> file.rows(weight, all));
        }

        /** The canonical name of its module. */
        String module() {
            return weight.substring(0, weight.lastIndexOf('.'));
        }

        /** {@code weight} or {@code bias}. */
        private String parameter() {
            return weight.substring(weight.lastIndexOf('.') + 1);
        }

        /** The shape of all the tensors together that share an adapter's. */
        long[] whole() {
            long[] whole = shape.clone();
            whole[0] *= sharing;
            return whole;
        }

        private boolean isSame(Target other) {
            return part.equals(other.part) && weight.equals(other.weight);
        }
    }

    /** Names of modules, each followed by {@code .weight} or {@code .bias}, and what they mean. */
    private static final class Names {

        private final Map<String, List<Target>> targets = new LinkedHashMap<>();

        private void add(String module, Target target) {
            List<Target> known = targets.computeIfAbsent(module + "." + target.parameter(), name -> new ArrayList<>());
            if (known.stream().noneMatch(target::isSame)) {
                known.add(target);
            }
            if (known.size() > target.sharing()) {
                throw new IllegalStateException(
                        "%s means both %s and %s".formatted(module, known.get(0).weight(), target.weight()));
            }
        }

        private List<Target> find(String module, String parameter) {
            return targets.getOrDefault(module + "." + parameter, List.of());
        }

        private Stream<String> modules() {
            return targets.keySet().stream()
                    .map(name -> name.substring(0, name.lastIndexOf('.')))
                    .distinct();
        }
    }

    /**
     * What follows a prefix.
     *
     * @param lacking what the model would need to have such modules; null if it has it
     */
    private record Scope(
            String prefix, Names names, @Nullable String lacking) {

        private boolean holds(String name) {
            return name.startsWith(prefix);
        }

        private String within(String name) {
            return unwrapped(name.substring(prefix.length()));
        }
    }

    /** Before the names of modules of the network with dots, and with underscores. */
    private static final List<String> NETWORK =
            List.of("", "unet.", "transformer.", "diffusion_model.", "model.diffusion_model.");

    private static final List<String> NETWORK_UNDERSCORED = List.of("lora_unet_", "lora_transformer_", "lycoris_");

    /** The same of the text encoders, first, second and T5. */
    private static final List<List<String>> TEXT = List.of(
            List.of(
                    "text_encoder.",
                    "text_encoders.clip_l.",
                    "text_encoders.clip_l.transformer.",
                    "text_encoders.clip_h.",
                    "text_encoders.clip_h.transformer."),
            List.of("text_encoder_2.", "text_encoders.clip_g.", "text_encoders.clip_g.transformer."),
            List.of("text_encoder_3.", "text_encoders.t5xxl.", "text_encoders.t5xxl.transformer."));

    private static final List<List<String>> TEXT_UNDERSCORED =
            List.of(List.of("lora_te1_"), List.of("lora_te2_"), List.of("lora_te3_"));

    private static final List<String> TEXT_TITLES = List.of("text encoder", "second text encoder", "T5 text encoder");

    /** What PEFT and torch.compile put before the names of all modules inside. */
    private static final List<String> WRAPPERS = List.of("base_model.model.", "_orig_mod.");

    /** Attention layers in adapters of diffusers before PEFT: {@code attn1.processor.to_q_lora.down.weight}. */
    private static final Map<String, String> PROCESSORS = Map.of(
            "to_q", "to_q",
            "to_k", "to_k",
            "to_v", "to_v",
            "to_out.0", "to_out",
            "q_proj", "to_q",
            "k_proj", "to_k",
            "v_proj", "to_v",
            "out_proj", "to_out");

    /** CLIP's projection, which adapters hold for encoders that are used without it. */
    private static final String PROJECTION = "text_projection";

    private final List<Scope> scopes = new ArrayList<>();

    private ModuleIndex() {}

    static ModuleIndex of(Checkpoint model) {
        ModuleIndex index = new ModuleIndex();
        index.addNetwork(model);
        Map<String, Checkpoint.Part<?>> parts = model.parts();
        List<String> names = List.of(Checkpoint.textEncoder(0), Checkpoint.textEncoder(1), Checkpoint.T5);
        boolean alone = parts.containsKey(names.get(0)) && !parts.containsKey(names.get(1));
        for (int i = 0; i < names.size(); i++) {
            Checkpoint.Part<?> part = parts.get(names.get(i));
            if (part == null) {
                String title = TEXT_TITLES.get(i);
                TEXT.get(i).forEach(prefix -> index.addLacking(prefix, title));
                TEXT_UNDERSCORED.get(i).forEach(prefix -> index.addLacking(prefix, title));
            } else {
                index.addText(names.get(i), part.weights(), i, alone);
            }
        }
        return index;
    }

    private void addLacking(String prefix, String title) {
        scopes.add(new Scope(prefix, new Names(), title));
    }

    private void addNetwork(Checkpoint model) {
        Names dotted = new Names();
        Names underscored = new Names();
        KeyTable original = model.inOriginalNames();
        for (Target target : targets(model.networkName(), model.network().weights())) {
            String inFile = original.nameInFile(target.weight())
                    .substring(original.within().length());
            String inOriginal = inFile.substring(0, inFile.lastIndexOf('.'));
            add(dotted, underscored, target.module(), target);
            add(dotted, underscored, inOriginal, target.in(original));
            addProcessor(dotted, target, ".processor.");
        }
        NETWORK.forEach(prefix -> scopes.add(new Scope(prefix, dotted, null)));
        NETWORK_UNDERSCORED.forEach(prefix -> scopes.add(new Scope(prefix, underscored, null)));
    }

    /** @param alone whether the model has no other: files then do not always say which encoder they mean */
    private void addText(String part, WeightSource weights, int number, boolean alone) {
        Names dotted = new Names();
        Names underscored = new Names();
        String with = "text_model.";
        for (Target target : targets(part, weights)) {
            String module = target.module();
            add(dotted, underscored, module, target);
            if (module.startsWith(with)) { // which transformers 5 leaves out
                add(dotted, underscored, module.substring(with.length()), target);
            }
            addProcessor(dotted, target, ".");
        }
        List<String> prefixes = new ArrayList<>(TEXT.get(number));
        List<String> prefixesUnderscored = new ArrayList<>(TEXT_UNDERSCORED.get(number));
        if (alone) {
            prefixes.add("");
            prefixesUnderscored.addAll(List.of("lora_te_", "lycoris_"));
        }
        prefixes.forEach(prefix -> scopes.add(new Scope(prefix, dotted, null)));
        prefixesUnderscored.forEach(prefix -> scopes.add(new Scope(prefix, underscored, null)));
        if (!weights.names().contains(PROJECTION + ".weight")) {
            Stream.concat(prefixes.stream(), prefixesUnderscored.stream())
                    .forEach(prefix -> addLacking(prefix + PROJECTION, "text projection"));
        }
    }

    private static List<Target> targets(String part, WeightSource weights) {
        return weights.names().stream()
                .filter(name -> name.endsWith(".weight") || name.endsWith(".bias"))
                .map(name -> Target.of(part, name, weights.info(name).shape()))
                .toList();
    }

    private static void add(Names dotted, Names underscored, String module, Target target) {
        dotted.add(module, target);
        underscored.add(module.replace('.', '_'), target);
    }

    private static void addProcessor(Names dotted, Target target, String between) {
        PROCESSORS.forEach((name, processor) -> {
            if (target.module().endsWith("." + name)) {
                String parent = target.module().substring(0, target.module().length() - name.length() - 1);
                dotted.add(parent + between + processor, target);
            }
        });
    }

    private static String unwrapped(String name) {
        for (String wrapper : WRAPPERS) {
            if (name.startsWith(wrapper)) {
                return unwrapped(name.substring(wrapper.length()));
            }
        }
        return name;
    }

    /**
     * What a file means by a module: one tensor of the model, or those that it stacks, or none where the model has no such
     * module.
     *
     * @param parameter {@code weight} or {@code bias}
     */
    List<Target> find(String module, String parameter) {
        String name = unwrapped(module);
        return scopes.stream()
                .filter(scope -> scope.holds(name))
                .map(scope -> scope.names().find(scope.within(name), parameter))
                .filter(targets -> !targets.isEmpty())
                .findFirst()
                .orElse(List.of());
    }

    /** What the model has not, where {@code module} is of that: a text encoder, or the projection of one. */
    Optional<String> lacking(String module) {
        String name = unwrapped(module);
        return scopes.stream()
                .filter(scope -> scope.lacking() != null && scope.holds(name))
                .findFirst()
                .map(Scope::lacking);
    }

    /** The nearest name that is known, as a message says it; empty where none is near. */
    String hint(String module) {
        String name = unwrapped(module);
        Set<String> known = new HashSet<>();
        scopes.stream()
                .filter(scope -> scope.holds(name))
                .forEach(scope ->
                        scope.names().modules().map(scope.prefix()::concat).forEach(known::add));
        return Nearest.hint(module, known);
    }
}
