package org.deltasampling.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.SafetensorsWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A key format is a prefix, wrappers, a module's name, the name of a PEFT adapter and a suffix, in any combination. */
@ExtendWith(NoLeaks.class)
class AdapterKeyFormatsTest {

    private static final String TO_Q = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
    private static final String ORIGINAL = "input_blocks.1.1.transformer_blocks.0.attn1.to_q";
    private static final String TEXT = "text_model.encoder.layers.1.self_attn.q_proj";
    private static final String BARE = "encoder.layers.1.self_attn.q_proj";
    private static final String JOINT = "joint_blocks.0.x_block.mlp.fc1";
    private static final String FF = "transformer_blocks.0.ff.net.0.proj";

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "unet, unet.base_model.model." + TO_Q + ", .lora_A.weight, .lora_B.weight",
        "unet, base_model.model.unet." + TO_Q + ", .lora_A.mine.weight, .lora_B.mine.weight",
        "unet, base_model.model.base_model.model." + TO_Q + ", .lora_A.default_0.weight, .lora_B.default_0.weight",
        "unet, unet._orig_mod." + TO_Q + ", .lora_A.weight, .lora_B.weight",
        "unet, " + TO_Q + ", .lora.down.weight, .lora.up.weight",
        "unet, unet." + ORIGINAL + ", .lora_down.weight, .lora_up.weight",
        "unet, diffusion_model." + ORIGINAL + ", .lora_A.weight, .lora_B.weight",
        "unet, model.diffusion_model." + ORIGINAL + ", .lora_down.weight, .lora_up.weight",
        "unet, diffusion_model.base_model.model." + ORIGINAL + ", .lora_A.x.weight, .lora_B.x.weight",
        "unet, lycoris_*" + TO_Q + ", .lora_down.weight, .lora_up.weight",
        "unet, lycoris_*" + ORIGINAL + ", .lora_down.weight, .lora_up.weight",
        "unet, down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_q, _lora.down.weight, _lora.up.weight",
        "text_encoder, text_encoder.base_model.model." + TEXT + ", .lora_A.weight, .lora_B.weight",
        "text_encoder, text_encoders.clip_l.transformer." + TEXT + ", .lora_down.weight, .lora_up.weight",
        "text_encoder, text_encoders.clip_l." + TEXT + ", .lora_A.weight, .lora_B.weight",
        "text_encoder, lora_te_*" + TEXT + ", .lora_down.weight, .lora_up.weight",
        "text_encoder, lora_te1_*" + TEXT + ", .lora_down.weight, .lora_up.weight",
        "text_encoder, lycoris_*" + TEXT + ", .lora_down.weight, .lora_up.weight",
        "text_encoder, text_encoder." + BARE + ", .lora_linear_layer.down.weight, .lora_linear_layer.up.weight",
        "text_encoder, text_encoder.text_model.encoder.layers.1.self_attn.to_q, _lora.down.weight, _lora.up.weight",
    })
    void eachPartOfAKeyFormatGoesWithEachOther(String part, String module, String down, String up) {
        assertFound(
                TinyModels.sd1(folder.resolve("model"), 1), part, part.equals("unet") ? TO_Q : TEXT, module, down, up);
    }

    @ParameterizedTest
    @CsvSource({
        "transformer.base_model.model." + FF + ", .lora_A.weight, .lora_B.weight",
        "transformer." + FF + ", .lora_A.other.weight, .lora_B.other.weight",
        "lycoris_*" + FF + ", .lora_down.weight, .lora_up.weight",
        "lora_transformer_*" + FF + ", .lora_down.weight, .lora_up.weight",
        "lora_unet_*" + JOINT + ", .lora_down.weight, .lora_up.weight",
        "diffusion_model." + JOINT + ", .lora_A.weight, .lora_B.weight",
    })
    void theSameHoldsForTransformers(String module, String down, String up) {
        Path model = TinyModels.of(Architecture.SD3, folder.resolve("model"), 1);
        assertFound(model, "transformer", FF, module, down, up);
    }

    /** @param module as the file names it; what follows a * has underscores for its dots */
    private void assertFound(Path path, String part, String layer, String module, String down, String up) {
        int star = module.indexOf('*');
        String name = star < 0
                ? module
                : module.substring(0, star) + module.substring(star + 1).replace('.', '_');
        try (Checkpoint model = Checkpoint.open(path);
                TensorScope scope = TensorScope.open()) {
            Tensor w = Objects.requireNonNull(model.parts().get(part)).weights().load(layer + ".weight");
            Tensor a = torch.randn(2, w.size(1));
            Tensor b = torch.randn(w.size(0), 2);
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            tensors.put(name + down, a);
            tensors.put(name + up, b);
            Path file = folder.resolve("adapter.safetensors");
            SafetensorsWriter.write(file, tensors);
            try (AdapterFile adapter = AdapterFile.open(file)) {
                Map<String, WeightChanges> changes = adapter.on(model).changes();
                assertThat(changes).containsOnlyKeys(part);
                WeightChanges changed = Objects.requireNonNull(changes.get(part));
                assertThat(changed.touched()).containsExactly(layer + ".weight");
                Tensor merged = changed.weights(
                                Objects.requireNonNull(model.parts().get(part)).weights())
                        .load(layer + ".weight");
                assertThat(merged.equal(LowRank.merge(w, a, b, 1))).isTrue();
            }
        }
    }

    @Test
    void theSecondTextEncoderIsToldByItsPrefix() {
        Path model = TinyModels.of(Architecture.SDXL, folder.resolve("model"), 1);
        for (String prefix : new String[] {"text_encoder_2.", "text_encoders.clip_g.transformer.", "lora_te2_*"}) {
            assertFound(model, "text_encoder_2", TEXT, prefix + TEXT, ".lora_down.weight", ".lora_up.weight");
        }
    }
}
