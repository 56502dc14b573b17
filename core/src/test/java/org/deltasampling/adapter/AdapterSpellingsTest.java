package org.deltasampling.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.ModelPart;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightSource;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One LoRA of every layer of a model, under the names of every program, changes the same weights by the same. */
@ExtendWith(NoLeaks.class)
class AdapterSpellingsTest {

    private static final double STRENGTH = 0.7;

    @TempDir
    Path folder;

    /** How a program names the modules of one part, and the factors of a module. */
    private record Spelling(UnaryOperator<String> module, String down, String up) {}

    /** Linear layers, convolutions and 1x1 convolutions; text encoders by part, "" for those that a spelling has not. */
    @ParameterizedTest(name = "{0} {1}: {2} {3}")
    @CsvSource({
        "kohya original names, SD1, lora_unet_*, original, lora_te_*, '', .lora_down.weight, .lora_up.weight",
        "kohya original names, SD2, lora_unet_*, original, lora_te_*, '', .lora_down.weight, .lora_up.weight",
        "kohya original names, SDXL, lora_unet_*, original, lora_te1_*, lora_te2_*, .lora_down.weight, .lora_up.weight",
        "PEFT, SD1, unet., diffusers, text_encoder., '', .lora_A.weight, .lora_B.weight",
        "PEFT, SDXL, unet., diffusers, text_encoder., text_encoder_2., .lora_A.weight, .lora_B.weight",
        "PEFT wrapped, SD1, base_model.model., diffusers, '', '', .lora_A.weight, .lora_B.weight",
        "PEFT wrapped, SDXL, unet.base_model.model., diffusers, text_encoder.base_model.model., text_encoder_2.base_model.model., .lora_A.weight, .lora_B.weight",
        "PEFT named, SD1, unet., diffusers, text_encoder., '', .lora_A.default.weight, .lora_B.default.weight",
        "PEFT named, SDXL, unet., diffusers, text_encoder., text_encoder_2., .lora_A.my_style.weight, .lora_B.my_style.weight",
        "diffusers, SD1, unet., diffusers, text_encoder., '', .lora.down.weight, .lora.up.weight",
        "diffusers, SDXL, unet., diffusers, text_encoder., text_encoder_2., .lora_linear_layer.down.weight, .lora_linear_layer.up.weight",
        "OneTrainer, SD1, lora_unet_*, diffusers, lora_te1_*, '', .lora_down.weight, .lora_up.weight",
        "SimpleTuner, SD1, lycoris_*, diffusers, '', '', .lora_down.weight, .lora_up.weight",
        "SimpleTuner, SDXL, lycoris_*, diffusers, '', '', .lora_down.weight, .lora_up.weight",
        "generic, SD1, diffusion_model., original, text_encoders.clip_l.transformer., '', .lora_down.weight, .lora_up.weight",
        "generic, SD2, diffusion_model., original, text_encoders.clip_h.transformer., '', .lora_down.weight, .lora_up.weight",
        "generic, SDXL, diffusion_model., original, text_encoders.clip_l.transformer., text_encoders.clip_g.transformer., .lora_A.weight, .lora_B.weight",
        "PEFT, SD3, transformer., diffusers, text_encoder., text_encoder_2., .lora_A.weight, .lora_B.weight",
        "PEFT wrapped, SD35_MEDIUM, base_model.model., diffusers, '', '', .lora_A.weight, .lora_B.weight",
        "OneTrainer, SD35_LARGE, lora_transformer_*, diffusers, lora_te1_*, lora_te2_*, .lora_down.weight, .lora_up.weight",
        "SimpleTuner, SD3, lycoris_*, diffusers, '', '', .lora_down.weight, .lora_up.weight",
    })
    void everyLayerIsChangedAsUnderKohyasNames(
            String program,
            Architecture family,
            String network,
            String names,
            String text,
            String text2,
            String down,
            String up) {
        try (Checkpoint model = model(family);
                TensorScope scope = TensorScope.open()) {
            Map<String, Spelling> spellings = new LinkedHashMap<>();
            Map<String, Spelling> kohya = new LinkedHashMap<>();
            UnaryOperator<String> named = names.equals("original") ? original(model) : UnaryOperator.identity();
            add(spellings, model.networkName(), network, named, down, up);
            add(kohya, model.networkName(), "lora_unet_*", UnaryOperator.identity());
            if (!text.isEmpty()) {
                boolean alone = !model.parts().containsKey(Checkpoint.textEncoder(1));
                add(spellings, Checkpoint.textEncoder(0), text, UnaryOperator.identity(), down, up);
                add(kohya, Checkpoint.textEncoder(0), alone ? "lora_te_*" : "lora_te1_*", UnaryOperator.identity());
            }
            if (!text2.isEmpty()) {
                add(spellings, Checkpoint.textEncoder(1), text2, UnaryOperator.identity(), down, up);
                add(kohya, Checkpoint.textEncoder(1), "lora_te2_*", UnaryOperator.identity());
            }
            assertSame(model, lora(model, spellings, ""), lora(model, kohya, ""));
        }
    }

    /** Which only attention has. */
    @ParameterizedTest
    @CsvSource({"SD1, unet.", "SDXL, unet.", "SD1, ''"})
    void attentionProcessorsOfOldDiffusersAreThoseLayers(Architecture family, String prefix) {
        try (Checkpoint model = model(family);
                TensorScope scope = TensorScope.open()) {
            UnaryOperator<String> processor = name -> prefix
                    + name.replaceFirst("\\.to_out\\.0$", ".to_out").replaceFirst("\\.to_(\\w+)$", ".processor.to_$1");
            Spelling old = new Spelling(processor, "_lora.down.weight", "_lora.up.weight");
            Map<String, Spelling> kohya = new LinkedHashMap<>();
            add(kohya, model.networkName(), "lora_unet_*", UnaryOperator.identity());
            String attention = ".attn";
            assertSame(model, lora(model, Map.of(model.networkName(), old), attention), lora(model, kohya, attention));
        }
    }

    /** kohya's names for SD-3 are the original ones, which stack queries, keys and values. */
    @ParameterizedTest
    @CsvSource({
        "lora_unet_joint_blocks_0_context_block_attn_qkv, add_q_proj, add_k_proj, add_v_proj",
        "lora_unet_joint_blocks_0_x_block_attn_qkv, to_q, to_k, to_v",
        "diffusion_model.joint_blocks.0.x_block.attn.qkv, to_q, to_k, to_v",
    })
    void stackedLayersOfSd3AreThreeOfDiffusers(String stacked, String query, String key, String value) {
        try (Checkpoint model = model(Architecture.SD3);
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> split = new LinkedHashMap<>();
            String attention = "transformer_blocks.0.attn.";
            Tensor down = null;
            TensorVector ups = new TensorVector();
            for (String layer : List.of(query, key, value)) {
                Tensor w = model.network().weights().load(attention + layer + ".weight");
                down = down == null ? torch.randn(2, w.size(1)) : down;
                Tensor up = torch.randn(w.size(0), 2);
                ups.push_back(up);
                split.put("transformer." + attention + layer + ".lora_A.weight", down);
                split.put("transformer." + attention + layer + ".lora_B.weight", up);
            }
            Map<String, Tensor> whole = new LinkedHashMap<>();
            whole.put(stacked + ".lora_down.weight", Objects.requireNonNull(down));
            whole.put(stacked + ".lora_up.weight", torch.cat(ups, 0));
            assertSame(model, whole, split);
        }
    }

    private Checkpoint model(Architecture family) {
        return Checkpoint.open(TinyModels.of(family, folder.resolve("model"), 1));
    }

    /** Names of the original layout, without what comes before them in a checkpoint. */
    private static UnaryOperator<String> original(Checkpoint model) {
        KeyTable table = model.inOriginalNames();
        return module -> {
            String name = table.nameInFile(module + ".weight")
                    .substring(table.within().length());
            return name.substring(0, name.length() - ".weight".length());
        };
    }

    private static void add(Map<String, Spelling> spellings, String part, String prefix, UnaryOperator<String> named) {
        add(spellings, part, prefix, named, ".lora_down.weight", ".lora_up.weight");
    }

    /** @param prefix before a name with dots, or where it ends with a * before one with underscores */
    private static void add(
            Map<String, Spelling> spellings,
            String part,
            String prefix,
            UnaryOperator<String> named,
            String down,
            String up) {
        UnaryOperator<String> spelled = prefix.endsWith("*")
                ? name -> prefix.substring(0, prefix.length() - 1)
                        + named.apply(name).replace('.', '_')
                : name -> prefix + named.apply(name);
        spellings.put(part, new Spelling(spelled, down, up));
    }

    /** A LoRA of all layers whose name contains {@code within}, of ranks 1 to 3, always of the same numbers. */
    private static Map<String, Tensor> lora(Checkpoint model, Map<String, Spelling> spellings, String within) {
        torch.manual_seed(5);
        Map<String, Tensor> file = new LinkedHashMap<>();
        spellings.forEach((part, spelling) -> {
            WeightSource weights = weights(model, part);
            int number = 0;
            for (String name : weights.names()) {
                long[] shape = weights.info(name).shape();
                if (isLayer(name, shape) && name.contains(within)) {
                    int rank = 1 + number++ % 3;
                    long[] down = shape.clone();
                    down[0] = rank;
                    long[] up = new long[shape.length];
                    Arrays.fill(up, 1);
                    up[0] = shape[0];
                    up[1] = rank;
                    String module = spelling.module().apply(name.substring(0, name.length() - ".weight".length()));
                    file.put(module + spelling.down(), torch.randn(down));
                    file.put(module + spelling.up(), torch.randn(up));
                    if (spelling.down().equals(".lora_down.weight")) {
                        file.put(module + ".alpha", torch.scalar_tensor(new Scalar((double) rank)));
                    }
                }
            }
        });
        assertThat(file).isNotEmpty();
        return file;
    }

    private static boolean isLayer(String name, long[] shape) {
        return name.endsWith(".weight") && shape.length >= 2 && !name.contains("embeddings.");
    }

    private static WeightSource weights(Checkpoint model, String part) {
        ModelPart<?> found = Objects.requireNonNull(model.parts().get(part), part);
        return found.weights();
    }

    private void assertSame(Checkpoint model, Map<String, Tensor> spelled, Map<String, Tensor> kohya) {
        Path one = folder.resolve("spelled.safetensors");
        Path other = folder.resolve("kohya.safetensors");
        SafetensorsWriter.write(one, spelled);
        SafetensorsWriter.write(other, kohya);
        try (AdapterFile adapter = AdapterFile.open(one);
                AdapterFile reference = AdapterFile.open(other)) {
            Map<String, WeightChanges> changes = adapter.on(model).changes();
            Map<String, WeightChanges> expected = reference.on(model).changes();
            assertThat(changes.keySet()).isEqualTo(expected.keySet());
            expected.forEach((part, change) ->
                    assertSame(weights(model, part), Objects.requireNonNull(changes.get(part)), change));
        }
    }

    private static void assertSame(WeightSource weights, WeightChanges changes, WeightChanges expected) {
        assertThat(changes.touched()).isEqualTo(expected.touched());
        WeightSource changed = changes.at(STRENGTH).weights(weights);
        WeightSource reference = expected.at(STRENGTH).weights(weights);
        for (String name : expected.touched()) {
            Tensor weight = changed.load(name);
            assertThat(weight.equal(reference.load(name))).as(name).isTrue();
            assertThat(weight.equal(weights.load(name))).as(name).isFalse();
        }
    }
}
