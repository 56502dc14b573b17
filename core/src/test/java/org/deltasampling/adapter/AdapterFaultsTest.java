package org.deltasampling.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.SafetensorsWriter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is wrong with an adapter file is refused by name; what does no harm is left out with a warning. */
@ExtendWith(NoLeaks.class)
class AdapterFaultsTest {

    private static final String TIME = "lora_unet_time_embedding_linear_1";
    private static final String CONV_IN = "lora_unet_conv_in";

    @TempDir
    Path folder;

    private TensorScope scope;
    private Checkpoint model;
    private final Map<String, Tensor> file = new LinkedHashMap<>();

    @BeforeEach
    void aFileOfOneLayer() {
        scope = TensorScope.open();
        model = Checkpoint.open(TinyModels.sd1(folder.resolve("model"), 1));
        Tensor w = model.network().weights().load("time_embedding.linear_1.weight");
        layer(TIME, w);
    }

    @AfterEach
    void close() {
        file.clear();
        model.close();
        scope.close();
    }

    @Test
    void layersOfPartsThatTheModelLacksAreLeftOutWithAWarning() {
        layer("lora_te3_encoder_block_0_layer_0_SelfAttention_q", torch.zeros(8, 8));
        layer("text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.k", torch.zeros(8, 8));
        layer("lora_te2_text_model_encoder_layers_0_mlp_fc1", torch.zeros(8, 8));
        layer("lora_te1_text_projection", torch.zeros(8, 8));
        Adaptation adaptation = adaptation();
        assertThat(adaptation.changes()).containsOnlyKeys("unet");
        assertThat(adaptation.warnings())
                .hasSize(3)
                .allMatch(warning -> warning.contains("adapter.safetensors"))
                .anyMatch(
                        warning -> warning.contains("2 layers are left out") && warning.contains("no T5 text encoder"))
                .anyMatch(warning ->
                        warning.contains("1 layer is left out") && warning.contains("no second text encoder"))
                .anyMatch(warning -> warning.contains("no text projection"));
    }

    @Test
    void aFileForPartsThatTheModelLacksAltogetherIsRefused() {
        file.clear();
        layer("lora_te3_encoder_block_0_layer_0_SelfAttention_q", torch.zeros(8, 8));
        assertRefused("changes nothing", "no T5 text encoder");
    }

    @Test
    void bundledEmbeddingsAreWordsOfItsModel() {
        file.put("bundle_emb.mystyle.clip_l", torch.zeros(2, 32));
        file.put("bundle_emb.my other.string_to_param.*", torch.zeros(2, 32));
        file.put("bundle_emb.of another model.clip_l", torch.zeros(2, 768));
        Adaptation adaptation = adaptation();
        assertThat(Objects.requireNonNull(adaptation.changes().get("unet")).touched())
                .hasSize(1);
        assertThat(adaptation.at(1).wordsOf("text_encoder").rows()).hasSize(4);
        assertThat(adaptation.warnings())
                .hasSize(1)
                .anyMatch(warning -> warning.contains("'of another model'") && warning.contains("768"));
    }

    @Test
    void layersOfRankZeroChangeNothingAndAreSaidSo() {
        file.put(CONV_IN + ".lora_down.weight", torch.zeros(0, 4, 3, 3));
        file.put(CONV_IN + ".lora_up.weight", torch.zeros(32, 0, 1, 1));
        file.put(CONV_IN + ".alpha", torch.scalar_tensor(new Scalar(1.0)));
        Adaptation adaptation = adaptation();
        assertThat(Objects.requireNonNull(adaptation.changes().get("unet")).touched())
                .containsExactly("time_embedding.linear_1.weight");
        assertThat(adaptation.warnings()).hasSize(1).anyMatch(warning -> warning.contains("rank 0"));
    }

    @Test
    void anAlphaThatIsNotOneFiniteNumberIsRefused() {
        file.put(TIME + ".alpha", torch.ones(2));
        assertRefused("holds 2 numbers as the alpha of " + TIME);
        file.put(TIME + ".alpha", torch.empty(0));
        assertRefused("holds 0 numbers as the alpha of " + TIME);
        file.put(TIME + ".alpha", torch.scalar_tensor(new Scalar(Double.NaN)));
        assertRefused("not finite", TIME + ".alpha");
        file.put(TIME + ".alpha", torch.ones(1));
        assertThat(adaptation().warnings()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {".lora_down.weight", ".lora_up.weight"})
    void weightsThatAreNotFiniteAreRefusedWhenTheyAreRead(String half) {
        Tensor bad = Objects.requireNonNull(file.get(TIME + half)).clone();
        bad.view(-1).narrow(0, 3, 1).fill_(new Scalar(Double.POSITIVE_INFINITY));
        file.put(TIME + half, bad);
        try (AdapterFile adapter = AdapterFile.open(written())) {
            WeightChanges changes =
                    Objects.requireNonNull(adapter.on(model).changes().get("unet"));
            assertThatThrownBy(() -> changes.weights(model.network().weights()).load("time_embedding.linear_1.weight"))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("adapter.safetensors")
                    .hasMessageContaining(TIME + half)
                    .hasMessageContaining("not finite");
        }
    }

    @Test
    void twoAdaptersInOneFileAreRefused() {
        Tensor down = Objects.requireNonNull(file.get(TIME + ".lora_down.weight"));
        file.put("unet.time_embedding.linear_1.lora_A.first.weight", down);
        file.put("unet.time_embedding.linear_1.lora_A.second.weight", down);
        assertThatThrownBy(() -> AdapterFile.open(written()).close())
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("more than one adapter");
    }

    @Test
    void twoLayersForOneWeightAreRefused() {
        layer("unet.time_embedding.linear_1", model.network().weights().load("time_embedding.linear_1.weight"));
        assertRefused("which changes what another layer changes");
    }

    @Test
    void namesThatAreOfNoKindAreRefused() {
        file.put(TIME + ".lora_B.bias", torch.zeros(4));
        assertRefused("1 weight is not part of the model: " + TIME + ".lora_B.bias");
    }

    @Test
    void theVerdictComesFirstWhereAFileIsForAnotherFamily() {
        file.clear();
        try (Checkpoint other = Checkpoint.open(TinyModels.of(Architecture.SDXL, folder.resolve("other"), 1))) {
            other.network().weights().names().stream()
                    .filter(name -> name.contains(".attn") && name.endsWith(".weight"))
                    .forEach(name -> layer(
                            "lora_unet_" + name.replace(".weight", "").replace('.', '_'),
                            other.network().weights().load(name)));
        }
        assertRefused("is for another family of models than", "is 80 wide, not 32");
    }

    @Test
    void aVeryLongNameIsCut() {
        file.put("x".repeat(20_000) + ".lora_down.weight", torch.zeros(2, 2));
        try (AdapterFile adapter = AdapterFile.open(written())) {
            assertThatThrownBy(() -> adapter.on(model))
                    .satisfies(
                            e -> assertThat(e.getMessage()).hasSizeLessThan(800).contains("x".repeat(100) + "..."));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"lora_alpha\": \"much\"}",
                "{\"lora_alpha\": 1e999}",
                "{\"unet.lora_alpha\": [1]}",
                "{\"alpha_pattern\": {\"linear_1\": true}}",
                "{\"lora_alpha\": 1",
                "[1]",
            })
    void settingsThatAreNotFiniteNumbersAreRefused(String settings) throws IOException {
        Tensor w = model.network().weights().load("time_embedding.linear_1.weight");
        file.clear();
        file.put("unet.time_embedding.linear_1.lora_A.weight", torch.randn(2, w.size(1)));
        file.put("unet.time_embedding.linear_1.lora_B.weight", torch.randn(w.size(0), 2));
        Files.writeString(folder.resolve("adapter_config.json"), settings);
        assertThatThrownBy(this::adaptation)
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("adapter_config.json");
    }

    private void layer(String name, Tensor w) {
        file.put(name + ".lora_down.weight", torch.randn(2, w.size(1)));
        file.put(name + ".lora_up.weight", torch.randn(w.size(0), 2));
    }

    private Path written() {
        Path path = folder.resolve("adapter.safetensors");
        SafetensorsWriter.write(path, file);
        return path;
    }

    private Adaptation adaptation() {
        try (AdapterFile adapter = AdapterFile.open(written())) {
            return adapter.on(model);
        }
    }

    private void assertRefused(String... words) {
        assertThatThrownBy(this::adaptation)
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("adapter.safetensors")
                .hasMessageContainingAll(words);
    }
}
