package org.deltasampling.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Weights in float8 with scales, in the forms that ComfyUI and diffusers write. */
@ExtendWith(NoLeaks.class)
class ScaledFloat8Test {

    private static final String LAYER = "model.diffusion_model.joint_blocks.0.x_block.mlp.fc1";

    @TempDir
    Path folder;

    private TensorScope scope;
    private Tensor eightBits;
    private final Map<String, Tensor> file = new LinkedHashMap<>();

    @BeforeEach
    void oneLayer() {
        scope = TensorScope.open();
        eightBits = torch.randn(6, 4).mul(new Scalar(100)).to(torch.ScalarType.Float8_e4m3fn);
        file.put(LAYER + ".weight", eightBits);
        file.put(LAYER + ".bias", torch.randn(6).to(torch.ScalarType.BFloat16));
    }

    @AfterEach
    void close() {
        file.clear();
        scope.close();
    }

    @ParameterizedTest
    @CsvSource({
        "scale_weight, scale_input, model.diffusion_model.scaled_fp8",
        "weight_scale, input_scale, scaled_fp8",
    })
    void theScaleOfAWeightIsAppliedAndWhatIsBesideLeftOut(String scale, String input, String mark) {
        file.put(LAYER + "." + scale, torch.scalar_tensor(new Scalar(0.003)));
        file.put(LAYER + "." + input, torch.scalar_tensor(new Scalar(7.0)));
        file.put(mark, torch.empty(2).to(torch.ScalarType.Float8_e4m3fn));
        try (WeightFile weights = WeightFile.open(written())) {
            assertThat(weights.names()).containsExactlyInAnyOrder(LAYER + ".weight", LAYER + ".bias");
            assertThat(weights.info(LAYER + ".weight"))
                    .isEqualTo(new TensorInfo(torch.ScalarType.Float, new long[] {6, 4}));
            assertThat(weights.info(LAYER + ".bias").type()).isEqualTo(torch.ScalarType.BFloat16);
            assertThat(weights.load(LAYER + ".weight").equal(scaled(torch.full(new long[] {6, 1}, new Scalar(0.003)))))
                    .isTrue();
            try (ResidentWeights resident = new ResidentWeights(weights, Precision.BFLOAT16)) {
                assertThat(resident.load(LAYER + ".weight").scalar_type().intern())
                        .isEqualTo(torch.ScalarType.BFloat16);
            }
        }
    }

    @Test
    void eachRowMayHaveAScale() {
        Tensor scales = torch.rand(6, 1);
        file.put(LAYER + ".weight_scale", scales);
        file.put(
                LAYER + ".comfy_quant", bytes("{\"format\": \"float8_e4m3fn\", \"full_precision_matrix_mult\": true}"));
        try (WeightFile weights = WeightFile.open(written())) {
            assertThat(weights.names()).hasSize(2);
            assertThat(weights.load(LAYER + ".weight").equal(scaled(scales))).isTrue();
        }
    }

    @Test
    void plainFloat8StaysWhatItIs() {
        try (WeightFile weights = WeightFile.open(written())) {
            assertThat(weights.info(LAYER + ".weight").type()).isEqualTo(torch.ScalarType.Float8_e4m3fn);
        }
    }

    @Test
    void aScaleMayBeInAnotherShard() throws Exception {
        Path index = folder.resolve("m.safetensors.index.json");
        SafetensorsWriter.write(folder.resolve("1.safetensors"), file);
        SafetensorsWriter.write(
                folder.resolve("2.safetensors"), Map.of(LAYER + ".scale_weight", torch.scalar_tensor(new Scalar(2.0))));
        Files.writeString(
                index,
                "{\"weight_map\": {\"%1$s.weight\": \"1.safetensors\", \"%1$s.scale_weight\": \"2.safetensors\"}}"
                        .formatted(LAYER));
        try (ShardedFiles weights = ShardedFiles.open(index)) {
            assertThat(weights.names()).containsExactly(LAYER + ".weight");
            assertThat(weights.load(LAYER + ".weight").equal(scaled(torch.full(new long[] {6, 1}, new Scalar(2.0)))))
                    .isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"weight_scale_2", "weight_scale_inv", "pre_quant_scale"})
    void otherScalesAreRefusedByName(String scale) {
        file.put(LAYER + "." + scale, torch.ones(1));
        assertRefused(LAYER + "." + scale);
    }

    @Test
    void aScaleThatDoesNotFitItsWeightIsRefused() {
        file.put(LAYER + ".weight_scale", torch.ones(6, 2));
        assertRefused(LAYER + ".weight_scale");
        file.put(LAYER + ".weight_scale", torch.ones(1).to(torch.ScalarType.Byte));
        assertRefused(LAYER + ".weight_scale");
        file.put(LAYER + ".weight_scale", torch.ones(1));
        file.put(LAYER + ".scale_weight", torch.ones(1));
        assertRefused(LAYER);
        file.remove(LAYER + ".scale_weight");
        file.put(LAYER + ".weight", eightBits.to(torch.ScalarType.Float).to(torch.ScalarType.Char));
        assertRefused(LAYER + ".weight_scale");
        file.remove(LAYER + ".weight");
        assertRefused(LAYER + ".weight_scale");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"format\": \"nvfp4\"}", "{\"format\": \"int8_tensorwise\"}", "{}", "no JSON", ""})
    void anotherFormatIsRefusedByName(String mark) {
        file.put(LAYER + ".comfy_quant", bytes(mark));
        assertRefused(LAYER + ".comfy_quant");
    }

    @Test
    void aScaleThatIsNotFiniteIsRefused() {
        file.put(LAYER + ".scale_weight", torch.scalar_tensor(new Scalar(Double.NaN)));
        try (WeightFile weights = WeightFile.open(written())) {
            assertThatThrownBy(() -> weights.load(LAYER + ".weight"))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContainingAll("eight.safetensors", LAYER + ".scale_weight", "not finite");
        }
    }

    private Tensor scaled(Tensor scales) {
        return eightBits.to(torch.ScalarType.Float).mul(scales);
    }

    private static Tensor bytes(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return bytes.length == 0
                ? torch.empty(0).to(torch.ScalarType.Byte)
                : Tensor.create(bytes).to(torch.ScalarType.Byte);
    }

    private Path written() {
        Path path = folder.resolve("eight.safetensors");
        SafetensorsWriter.write(path, file);
        return path;
    }

    private void assertRefused(String words) {
        assertThatThrownBy(() -> WeightFile.open(written()).close())
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContainingAll("eight.safetensors", words);
    }
}
