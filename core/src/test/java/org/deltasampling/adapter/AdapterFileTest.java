package org.deltasampling.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.OriginalLayout;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@ExtendWith(NoLeaks.class)
class AdapterFileTest {

    private static final String TO_Q = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
    private static final String PROJ_IN = "down_blocks.0.attentions.0.proj_in";
    private static final String CONV = "mid_block.resnets.0.conv1";
    private static final String TEXT = "text_model.encoder.layers.1.self_attn.q_proj";

    @TempDir
    Path folder;

    @Test
    void aKohyaFileChangesJustItsLayersAndTheRestIsShared() {
        try (Checkpoint model = model();
                AdapterFile file = AdapterFile.open(Kit.root().resolve("delta-sd1-sdxl-lora/lora.safetensors"))) {
            WeightChanges lora = on(file, model, "unet");
            assertThat(file.on(model).changes()).hasSize(1);
            assertThat(file.on(model).warnings()).isEmpty();
            assertThat(file.summary().keyFormat()).isEqualTo("kohya");
            assertThat(lora.touched()).hasSize(73);
            try (ResidentWeights base = new ResidentWeights(model.unet().weights(), Precision.FLOAT32);
                    ResidentWeights adapted = new ResidentWeights(lora.at(0.8).weights(base), Precision.FLOAT32);
                    TensorScope scope = TensorScope.open()) {
                for (String name : base.names()) {
                    boolean same = storage(adapted.load(name)) == storage(base.load(name));
                    assertThat(same).as(name).isEqualTo(!lora.touched().contains(name));
                }
            }
        }
    }

    /** One adapter of four layers, in every key format, changes the weights by the same. */
    @ParameterizedTest
    @CsvSource({
        "kohya,      lora_unet_%s,  lora_te_%s,       .lora_down.weight,              .lora_up.weight,              true",
        "PEFT,       unet.%s,       text_encoder.%s,  .lora_A.weight,                 .lora_B.weight,               false",
        "PEFT,       unet.%s,       text_encoder.%s,  .lora_A.default.weight,         .lora_B.default.weight,       false",
        "PEFT,       base_model.model.%s, base_model.model.%s, .lora_A.weight,        .lora_B.weight,               false",
        "diffusers,  unet.%s,       text_encoder.%s,  .lora.down.weight,              .lora.up.weight,              false",
        "diffusers,  unet.%s,       text_encoder.%s,  .lora_linear_layer.down.weight, .lora_linear_layer.up.weight, false"
    })
    void everyKeyFormatIsRead(String title, String unet, String text, String down, String up, boolean underscores) {
        UnaryOperator<String> format = underscores ? n -> n.replace('.', '_') : n -> n;
        Path path = folder.resolve("lora.safetensors");
        try (Checkpoint model = model();
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> file = new LinkedHashMap<>();
            for (String layer : new String[] {TO_Q, PROJ_IN, CONV, TEXT}) {
                String name = (layer.equals(TEXT) ? text : unet).formatted(format.apply(layer));
                Tensor w = part(model, layer).load(layer + ".weight");
                file.put(name + down, factor(w, 2, w.size(1)));
                file.put(name + up, factor(w, w.size(0), 2));
                file.put(name + ".alpha", torch.scalar_tensor(new Scalar(1.0)));
            }
            SafetensorsWriter.write(path, file);
            try (AdapterFile lora = AdapterFile.open(path)) {
                assertThat(lora.summary().keyFormat()).isEqualTo(title);
                assertThat(lora.summary().ranks()).containsExactly(2L);
                assertThat(on(lora, model, "unet").touched()).hasSize(3);
                assertThat(on(lora, model, "text_encoder").touched()).hasSize(1);
                for (String layer : new String[] {TO_Q, PROJ_IN, CONV, TEXT}) {
                    String name = (layer.equals(TEXT) ? text : unet).formatted(format.apply(layer));
                    WeightChanges adapter = on(lora, model, layer.equals(TEXT) ? "text_encoder" : "unet");
                    assertMerged(model, adapter, layer, file, name + down, name + up, 0.5);
                }
            }
        }
    }

    @Test
    void theOriginalNamesAndTheProcessorsOfOldDiffusersAreRead() {
        Path path = folder.resolve("lora.safetensors");
        try (Checkpoint model = model();
                TensorScope scope = TensorScope.open()) {
            KeyTable table = OriginalLayout.unet(model.unet().config());
            String original =
                    table.nameInFile(CONV).replace("model.diffusion_model.", "").replace('.', '_');
            assertThat(original).isEqualTo("middle_block_0_in_layers_2");
            String processor = "unet." + TO_Q.replace(".to_q", ".processor.to_q_lora");
            Tensor conv = part(model, CONV).load(CONV + ".weight");
            Tensor query = part(model, TO_Q).load(TO_Q + ".weight");
            Map<String, Tensor> file = new LinkedHashMap<>();
            file.put("lora_unet_" + original + ".lora_down.weight", factor(conv, 2, conv.size(1)));
            file.put("lora_unet_" + original + ".lora_up.weight", factor(conv, conv.size(0), 2));
            file.put(processor + ".down.weight", factor(query, 4, query.size(1)));
            file.put(processor + ".up.weight", factor(query, query.size(0), 4));
            SafetensorsWriter.write(path, file);
            try (AdapterFile lora = AdapterFile.open(path)) {
                WeightChanges adapter = on(lora, model, "unet");
                String name = "lora_unet_" + original;
                assertMerged(model, adapter, CONV, file, name + ".lora_down.weight", name + ".lora_up.weight", 1);
                assertMerged(model, adapter, TO_Q, file, processor + ".down.weight", processor + ".up.weight", 1);
            }
        }
    }

    /** XL's layers in every key format; a layer of the same name in each text encoder is distinguished by its number. */
    @ParameterizedTest
    @CsvSource({
        "unet,           down_blocks.1.attentions.0.proj_in, lora_unet_down_blocks_1_attentions_0_proj_in",
        "unet,           down_blocks.1.attentions.0.proj_in, lora_unet_input_blocks_3_1_proj_in",
        "unet,           down_blocks.1.attentions.0.proj_in, unet.down_blocks.1.attentions.0.proj_in",
        "unet,           add_embedding.linear_1,             lora_unet_label_emb_0_0",
        "unet,           mid_block.resnets.1.conv1,          lora_unet_middle_block_2_in_layers_2",
        "unet,           up_blocks.0.upsamplers.0.conv,      lora_unet_output_blocks_1_2_conv",
        "text_encoder,   text_model.encoder.layers.1.self_attn.q_proj, lora_te1_text_model_encoder_layers_1_self_attn_q_proj",
        "text_encoder,   text_model.encoder.layers.1.self_attn.q_proj, text_encoder.text_model.encoder.layers.1.self_attn.q_proj",
        "text_encoder_2, text_model.encoder.layers.1.self_attn.q_proj, lora_te2_text_model_encoder_layers_1_self_attn_q_proj",
        "text_encoder_2, text_model.encoder.layers.1.self_attn.q_proj, text_encoder_2.text_model.encoder.layers.1.self_attn.q_proj",
        "text_encoder_2, text_projection,                    lora_te2_text_projection"
    })
    void eachPartOfXlIsFound(String part, String layer, String name) {
        assertFound("pipe-sdxl", part, layer, name);
    }

    /** SD-3's and 3.5's layers in every key format. */
    @ParameterizedTest
    @CsvSource({
        "transformer, transformer_blocks.0.attn.add_k_proj, transformer.transformer_blocks.0.attn.add_k_proj",
        "transformer, transformer_blocks.0.attn.to_out.0, lora_transformer_transformer_blocks_0_attn_to_out_0",
        "transformer, transformer_blocks.0.ff.net.0.proj, base_model.model.transformer_blocks.0.ff.net.0.proj",
        "transformer, transformer_blocks.0.ff_context.net.2, lora_unet_joint_blocks_0_context_block_mlp_fc2",
        "transformer, transformer_blocks.1.attn2.to_out.0, lora_unet_joint_blocks_1_x_block_attn2_proj",
        "transformer, transformer_blocks.0.attn.to_add_out, diffusion_model.joint_blocks.0.context_block.attn.proj",
        "text_encoder, text_model.encoder.layers.1.mlp.fc1, lora_te1_text_model_encoder_layers_1_mlp_fc1",
        "text_encoder_2, text_model.encoder.layers.1.mlp.fc1, text_encoder_2.text_model.encoder.layers.1.mlp.fc1",
        "text_encoder_3, encoder.block.1.layer.1.DenseReluDense.wo, lora_te3_encoder_block_1_layer_1_DenseReluDense_wo"
    })
    void eachPartOfSd3IsFound(String part, String layer, String name) {
        assertFound("pipe-sd35m", part, layer, name);
    }

    private void assertFound(String kit, String part, String layer, String name) {
        Path path = folder.resolve("lora.safetensors");
        boolean kohya = name.startsWith("lora_");
        try (Checkpoint model = Checkpoint.open(Kit.root().resolve(kit).resolve("model"));
                TensorScope scope = TensorScope.open()) {
            WeightSource weights =
                    Objects.requireNonNull(model.parts().get(part)).weights();
            Tensor w = weights.load(layer + ".weight");
            SafetensorsWriter.write(
                    path,
                    Map.of(
                            name + (kohya ? ".lora_down.weight" : ".lora_A.weight"), factor(w, 2, w.size(1)),
                            name + (kohya ? ".lora_up.weight" : ".lora_B.weight"), factor(w, w.size(0), 2)));
            try (AdapterFile lora = AdapterFile.open(path)) {
                assertThat(lora.on(model).changes().keySet()).containsExactly(part);
                assertThat(on(lora, model, part).touched()).containsExactly(layer + ".weight");
            }
        }
    }

    /** kohya's files for SD-3 hold queries, keys and values as one layer, and a scale and a shift the other way round. */
    @Test
    void aFusedLayerIsThree() {
        Path path = folder.resolve("lora.safetensors");
        String last = "transformer_blocks.2.norm1_context.linear.weight";
        try (Checkpoint model = Checkpoint.open(Kit.root().resolve("pipe-sd35m/model"));
                TensorScope scope = TensorScope.open()) {
            WeightSource weights = model.network().weights();
            Tensor w = weights.load(last);
            Tensor down = factor(w, 2, 32);
            Tensor up = factor(w, 96, 2);
            Tensor shiftFirst = factor(w, 64, 2);
            SafetensorsWriter.write(
                    path,
                    Map.of(
                            "lora_unet_joint_blocks_0_x_block_attn_qkv.lora_down.weight", down,
                            "lora_unet_joint_blocks_0_x_block_attn_qkv.lora_up.weight", up,
                            "lora_unet_joint_blocks_2_context_block_adaLN_modulation_1.lora_down.weight", down,
                            "lora_unet_joint_blocks_2_context_block_adaLN_modulation_1.lora_up.weight", shiftFirst));
            try (AdapterFile lora = AdapterFile.open(path)) {
                WeightChanges adapter = on(lora, model, "transformer");
                WeightSource adapted = adapter.weights(weights);
                String attention = "transformer_blocks.0.attn.";
                List<String> names =
                        List.of(attention + "to_q.weight", attention + "to_k.weight", attention + "to_v.weight", last);
                assertThat(adapter.touched()).containsExactlyInAnyOrderElementsOf(names);
                for (int k = 0; k < 3; k++) {
                    Tensor own = up.narrow(0, 32L * k, 32);
                    assertThat(adapted.load(names.get(k))
                                    .equal(LowRank.merge(weights.load(names.get(k)), down, own, 1)))
                            .as(names.get(k))
                            .isTrue();
                }
                Tensor swapped =
                        torch.cat(new TensorVector(shiftFirst.narrow(0, 32, 32), shiftFirst.narrow(0, 0, 32)), 0);
                assertThat(adapted.load(last).equal(LowRank.merge(w, down, swapped, 1)))
                        .isTrue();
            }
        }
    }

    @Test
    void alphaComesFromTheSettingsWhereTheFileHasNone() throws IOException {
        Path path = folder.resolve("adapter_model.safetensors");
        try (Checkpoint model = model();
                TensorScope scope = TensorScope.open()) {
            Tensor w = part(model, TO_Q).load(TO_Q + ".weight");
            String name = "unet." + TO_Q;
            Map<String, Tensor> file = new LinkedHashMap<>();
            file.put(name + ".lora_A.weight", factor(w, 4, w.size(1)));
            file.put(name + ".lora_B.weight", factor(w, w.size(0), 4));
            Map<String, Double> scales = new LinkedHashMap<>();
            scales.put("{\"unet.lora_alpha\": 8}", 2.0);
            scales.put("{\"unet.lora_alpha\": 8, \"unet.use_rslora\": true}", 4.0);
            scales.put("{\"unet.lora_alpha\": 8, \"unet.alpha_pattern\": {\"attn1.to_q\": 12}}", 3.0);
            scales.forEach((settings, scale) -> {
                SafetensorsWriter.write(path, WeightSources.of(file), Map.of("lora_adapter_metadata", settings));
                assertScale(model, path, file, name, scale);
            });
            SafetensorsWriter.write(path, file);
            assertScale(model, path, file, name, 1);
            Files.writeString(folder.resolve("adapter_config.json"), "{\"lora_alpha\": 2, \"r\": 4}");
            assertScale(model, path, file, name, 0.5);
        }
    }

    private static void assertScale(Checkpoint model, Path path, Map<String, Tensor> file, String name, double scale) {
        try (AdapterFile lora = AdapterFile.open(path)) {
            assertMerged(
                    model,
                    on(lora, model, "unet"),
                    TO_Q,
                    file,
                    name + ".lora_A.weight",
                    name + ".lora_B.weight",
                    scale);
        }
    }

    @Test
    void oneMessageNamesAllThatDoesNotFit() {
        Path path = folder.resolve("lora.safetensors");
        try (Checkpoint model = model();
                TensorScope scope = TensorScope.open()) {
            SafetensorsWriter.write(
                    path,
                    Map.of(
                            "lora_unet_mid_block_resnets_0_conv1.lora_down.weight", torch.zeros(2, 7, 3, 3),
                            "lora_unet_mid_block_resnets_0_conv1.lora_up.weight", torch.zeros(64, 2, 1, 1),
                            "lora_unet_mid_block_resnets_0_conv2.lora_up.weight", torch.zeros(64, 2, 1, 1),
                            "lora_unet_mid_block_resnets_0_conv3.lora_down.weight", torch.zeros(2, 64, 3, 3)));
            try (AdapterFile lora = AdapterFile.open(path)) {
                assertThatThrownBy(() -> lora.on(model))
                        .isInstanceOf(BadWeightsException.class)
                        .hasMessageContaining("missing: down of lora_unet_mid_block_resnets_0_conv2")
                        .hasMessageContaining("has down [2, 7, 3, 3] and up [64, 2, 1, 1] for a tensor [64, 64, 3, 3]")
                        .hasMessageContaining("lora_unet_mid_block_resnets_0_conv3 (the nearest is")
                        .hasMessageContaining("none of its 3 layers fits");
            }
        }
    }

    @Test
    void aLoraOfAnotherFamilyIsRefused() {
        try (Checkpoint model = model();
                AdapterFile lora = AdapterFile.open(Kit.root().resolve("delta-sdxl-sd1-lora/lora.safetensors"))) {
            assertThatThrownBy(() -> lora.on(model))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("Stable Diffusion 1.x");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "pipe-sd1/model/unet/diffusion_pytorch_model.safetensors, a UNet alone",
        "controlnet-sd1/controlnet/diffusion_pytorch_model.safetensors, a ControlNet"
    })
    void otherKindsAreNamedAndNotPartlyLoaded(String file, String kind) {
        Path other = Kit.root().resolve(file);
        assertThatThrownBy(() -> AdapterFile.open(other).close())
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining(kind);
    }

    private static WeightChanges on(AdapterFile lora, Checkpoint model, String part) {
        return Objects.requireNonNull(lora.on(model).changes().get(part), part);
    }

    private static void assertMerged(
            Checkpoint model,
            WeightChanges adapter,
            String layer,
            Map<String, Tensor> file,
            String down,
            String up,
            double scale) {
        Tensor w = part(model, layer).load(layer + ".weight");
        Tensor changed = adapter.weights(part(model, layer)).load(layer + ".weight");
        Tensor expected = LowRank.merge(w, tensor(file, down), tensor(file, up), scale);
        assertThat(changed.equal(expected)).as(layer).isTrue();
        assertThat(changed.equal(w)).as(layer).isFalse();
    }

    private static Tensor tensor(Map<String, Tensor> file, String name) {
        return Objects.requireNonNull(file.get(name), name);
    }

    /** Random factors with the number of axes of the weight, the inner ones only in the half that reads. */
    private static Tensor factor(Tensor w, long out, long in) {
        boolean conv = w.dim() == 4;
        boolean reads = in == w.size(1);
        return conv ? torch.randn(out, in, reads ? w.size(2) : 1, reads ? w.size(3) : 1) : torch.randn(out, in);
    }

    private static WeightSource part(Checkpoint model, String layer) {
        return layer.startsWith("text_model.")
                ? model.text().weights()
                : model.unet().weights();
    }

    private static Checkpoint model() {
        return Checkpoint.open(Kit.root().resolve("pipe-sd1/model"));
    }

    private static long storage(Tensor tensor) {
        return tensor.storage().data().address();
    }
}
