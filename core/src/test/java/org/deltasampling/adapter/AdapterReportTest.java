package org.deltasampling.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.adapter.AdapterFit.Unmatched;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightSources;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a file says of itself, and how much of it a model takes. */
@ExtendWith(NoLeaks.class)
class AdapterReportTest {

    private static final String TO_K = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k";

    @TempDir
    Path folder;

    @Test
    void kindsFormatsRanksAndAlphasAreCounted() {
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> file = new LinkedHashMap<>();
            long[] ranks = {4, 8, 8, 32};
            for (int i = 0; i < ranks.length; i++) {
                String module = i == 0 ? TO_K : "lora_unet_" + i;
                file.put(module + ".lora_down.weight", torch.zeros(ranks[i], 768));
                file.put(module + ".lora_up.weight", torch.zeros(320, ranks[i]));
                file.put(module + ".alpha", torch.scalar_tensor(new Scalar(i + 1.0)));
            }
            file.put("lycoris_x.lokr_w1", torch.zeros(2, 2));
            file.put("lycoris_x.lokr_w2", torch.zeros(2, 2));
            file.put("lora_unet_norm.w_norm", torch.zeros(2));
            file.put("lora_unet_norm.b_norm", torch.zeros(2));
            file.put("bundle_emb.my\nword.clip_l", torch.zeros(1, 2));
            AdapterReport report = report(file, Map.of());
            assertThat(report.kinds()).isEqualTo(Map.of("LoRA", 4, "LoKr", 1, "norm difference", 2));
            assertThat(report.keyFormats()).containsExactly("LyCORIS", "kohya");
            assertThat(report.modules()).isEqualTo(6);
            assertThat(report.ranks()).isEqualTo(new Spread(4, 4, 8, 32));
            assertThat(report.alphas()).isEqualTo(new Spread(4, 1, 2.5, 4));
            assertThat(report.contextWidth()).isEqualTo(768);
            assertThat(report.family()).isEqualTo("Stable Diffusion 1.x");
            assertThat(report.embeddings()).containsExactly("my?word");
            assertThat(report.metadata()).isEmpty();
            assertThat(report.warnings()).isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "hada_w1_b, 3, 1024, Stable Diffusion 2.x",
        "diff, 640, 2048, Stable Diffusion XL",
        "a1.weight, 4, 768, Stable Diffusion 1.x",
        "a1.weight, 768, 4, Stable Diffusion 1.x",
        "down_list.0, 4, 1024, Stable Diffusion 2.x",
        "oft_blocks, 4, 768, ",
    })
    void theFamilyShowsInTheInputsOfCrossAttention(String suffix, long rows, long columns, String family) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor tensor = suffix.equals("oft_blocks") ? torch.zeros(1, rows, rows) : torch.zeros(rows, columns);
            assertThat(report(Map.of(TO_K + "." + suffix, tensor), Map.of()).family())
                    .isEqualTo(family);
        }
    }

    @Test
    void modulesOfSd3AreKnownByTheirNames() {
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> file =
                    Map.of("lora_unet_joint_blocks_0_context_block_attn_qkv.diff", torch.zeros(2, 2));
            assertThat(report(file, Map.of()).family()).isEqualTo("Stable Diffusion 3 or 3.5");
        }
    }

    @Test
    void metadataOfTrainersAreShownAndBounded() {
        try (TensorScope scope = TensorScope.open()) {
            Map<String, String> metadata = new LinkedHashMap<>();
            metadata.put("ss_output_name", "my\u0007lora");
            metadata.put("ss_network_module", "lycoris.kohya");
            metadata.put("ss_training_comment", "c".repeat(5000));
            metadata.put("ss_clip_skip", "None");
            metadata.put("ss_secret", "not shown");
            metadata.put(
                    "ss_tag_frequency",
                    "{\"10_me\": {\"sks\": 10, \"hat \": 3, \"bad\": \"x\"}, \"5_reg\": {\"hat\": 9, \"dog\": -4, \"cat\": 1}}");
            AdapterReport report = report(metadata);
            assertThat(report.metadata())
                    .containsOnlyKeys("ss_output_name", "ss_network_module", "ss_training_comment")
                    .containsEntry("ss_output_name", "my?lora")
                    .containsEntry("ss_training_comment", "c".repeat(100) + "...");
            assertThat(report.frequentTags())
                    .containsExactly(Map.entry("hat", 12L), Map.entry("sks", 10L), Map.entry("cat", 1L));
            assertThat(report.triggerWords()).containsExactly("hat", "sks", "cat");
            metadata.put("modelspec.trigger_phrase", "a photo of sks");
            assertThat(report(metadata).triggerWords()).containsExactly("a photo of sks");
            metadata.put("ss_tag_frequency", "{\"10_me\": ");
            assertThat(report(metadata).warnings())
                    .singleElement()
                    .asString()
                    .contains("the ss_tag_frequency of", "adapter.safetensors");
            metadata.put("ss_tag_frequency", "{\"10_me\": [1, {\"a\": {}}], \"x\": 3}");
            assertThat(report(metadata).frequentTags()).isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "ss_base_model_version, sdxl_base_v1-0, Stable Diffusion XL",
        "ss_base_model_version, sd_v2_v, Stable Diffusion 2.x",
        "ss_base_model_version, sd3_m, Stable Diffusion 3 or 3.5",
        "ss_base_model_version, sd_v1, ",
        "ss_v2, True, Stable Diffusion 2.x",
        "ss_v2, False, ",
        "modelspec.architecture, stable-diffusion-xl-v1-base/lora, Stable Diffusion XL",
        "modelspec.architecture, stable-diffusion-v1/lora, ",
        "modelspec.architecture, something new, ",
    })
    void metadataThatDisagreeWithTheShapesAreAWarning(String key, String value, String claimed) {
        try (TensorScope scope = TensorScope.open()) {
            AdapterReport report = report(Map.of(key, value));
            assertThat(report.family()).isEqualTo("Stable Diffusion 1.x");
            if (claimed == null) {
                assertThat(report.warnings()).isEmpty();
            } else {
                assertThat(report.warnings())
                        .singleElement()
                        .asString()
                        .contains(
                                key + " = " + value, "it is for " + claimed, "its shapes are of Stable Diffusion 1.x");
            }
        }
    }

    @Test
    void anAlphaThatCannotBeReadIsAWarning() {
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> file = new LinkedHashMap<>(lora());
            file.put(TO_K + ".alpha", torch.ones(2));
            AdapterReport report = report(file, Map.of());
            assertThat(report.alphas()).isNull();
            assertThat(report.warnings()).singleElement().asString().contains("holds 2 numbers as the alpha");
        }
    }

    @Test
    void whatAModelTakesIsCountedAndTheRestSaysWhy() {
        try (Checkpoint model = Checkpoint.open(TinyModels.of(Architecture.SD3, folder.resolve("model"), 1));
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> file = new LinkedHashMap<>();
            long[] shape =
                    model.network().weights().info("norm_out.linear.weight").shape();
            file.put("transformer.norm_out.linear.diff", torch.zeros(shape));
            file.put("transformer.proj_out.diff", torch.zeros(1, 1));
            file.put("transformer.nothing.diff", torch.zeros(1, 1));
            file.put("transformer.context_embedder.hada_w1_a", torch.zeros(1, 1));
            file.put("lora_te3_encoder_block_0_layer_0_SelfAttention_q.diff", torch.zeros(1, 1));
            file.put("diffusion_model.joint_blocks.0.x_block.attn.qkv.oft_blocks", torch.zeros(1, 2, 3, 3));
            AdapterFit fit = fit(model, file);
            assertThat(fit.modules()).isEqualTo(6);
            assertThat(fit.matched()).isEqualTo(1);
            assertThat(fit.unmatched())
                    .extracting(Unmatched::reason)
                    .hasSize(5)
                    .contains("the model has no T5 text encoder", "not part of the model", "incomplete")
                    .contains("of another shape")
                    .anyMatch(reason -> reason.contains("(BOFT)"));
            assertThat(fit.unmatched()).allMatch(unmatched -> unmatched.count() == 1);
            assertThat(fit.unmatched())
                    .anySatisfy(unmatched -> assertThat(unmatched.examples()).containsExactly("transformer.nothing"));
        }
    }

    private AdapterFit fit(Checkpoint model, Map<String, Tensor> file) {
        Path path = folder.resolve("adapter.safetensors");
        SafetensorsWriter.write(path, file);
        try (AdapterFile adapter = AdapterFile.open(path)) {
            return adapter.fit(model);
        }
    }

    private AdapterReport report(Map<String, String> metadata) {
        return report(lora(), metadata);
    }

    private AdapterReport report(Map<String, Tensor> tensors, Map<String, String> metadata) {
        Path path = folder.resolve("adapter.safetensors");
        SafetensorsWriter.write(path, WeightSources.of(tensors), metadata);
        try (AdapterFile adapter = AdapterFile.open(path)) {
            return adapter.report();
        }
    }

    private static Map<String, Tensor> lora() {
        return Map.of(
                TO_K + ".lora_down.weight", torch.zeros(2, 768),
                TO_K + ".lora_up.weight", torch.zeros(320, 2));
    }
}
