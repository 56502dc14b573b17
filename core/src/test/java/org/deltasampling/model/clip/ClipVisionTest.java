package org.deltasampling.model.clip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Parameters;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.TensorInfo;
import org.deltasampling.weights.WeightSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Answers are compared with transformers' in {@code ImageEncoderTest}. */
@ExtendWith(NoLeaks.class)
class ClipVisionTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    private static final ClipVision.Config L =
            new ClipVision.Config(new ClipLayers(24, 1024, 4096, 16, Activation.QUICK_GELU, 1e-5), 224, 14, 768, false);
    private static final ClipVision.Config H =
            new ClipVision.Config(new ClipLayers(32, 1280, 5120, 16, Activation.GELU, 1e-5), 224, 14, 1024, false);
    private static final ClipVision.Config BIG_G =
            new ClipVision.Config(new ClipLayers(48, 1664, 8192, 16, Activation.GELU, 1e-5), 224, 14, 1280, false);
    private static final ClipVision.Config SIGLIP =
            new ClipVision.Config(new ClipLayers(27, 1152, 4304, 16, Activation.GELU_TANH, 1e-6), 384, 14, 0, true);

    /** Shapes without values. */
    private record Declared(Map<String, long[]> shapes) implements WeightSource {

        static Declared of(ClipVision.Config config) {
            return new Declared(Parameters.declaredBy(p -> new ClipVision(config, p)));
        }

        @Override
        public Set<String> names() {
            return shapes.keySet();
        }

        @Override
        public TensorInfo info(String name) {
            return new TensorInfo(torch.ScalarType.Float, Objects.requireNonNull(shapes.get(name)));
        }

        @Override
        public Tensor load(String name) {
            throw new UnsupportedOperationException(name);
        }
    }

    @Test
    void publishedEncodersAreKnownByTheirShapes() {
        for (ClipVision.Config config : new ClipVision.Config[] {L, H, BIG_G, SIGLIP}) {
            assertThat(ClipVision.Config.infer(Declared.of(config))).isEqualTo(config);
        }
    }

    private static ClipVision.Config read(String json) throws Exception {
        return ClipVision.Config.read(JSON.readTree(json));
    }

    @Test
    void configsOfTheirFolders() throws Exception {
        assertThat(read("""
                {"architectures": ["CLIPVisionModelWithProjection"], "model_type": "clip_vision_model",
                 "hidden_act": "gelu", "hidden_size": 1280, "image_size": 224, "intermediate_size": 5120,
                 "layer_norm_eps": 1e-05, "num_attention_heads": 16, "num_channels": 3, "num_hidden_layers": 32,
                 "patch_size": 14, "projection_dim": 1024}\
                """)).isEqualTo(H);
        assertThat(read("""
                {"architectures": ["SiglipModel"], "model_type": "siglip",
                 "text_config": {"hidden_size": 1152, "model_type": "siglip_text_model"},
                 "vision_config": {"hidden_size": 1152, "image_size": 384, "intermediate_size": 4304,
                                   "model_type": "siglip_vision_model", "num_attention_heads": 16,
                                   "num_hidden_layers": 27, "patch_size": 14}}\
                """)).isEqualTo(SIGLIP);
    }

    /** The width of the projection is that of the whole model, whatever its encoder's config says. */
    @Test
    void configOfAWholeClip() throws Exception {
        assertThat(read("""
                {"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": 768,
                 "vision_config": {"hidden_size": 1024, "image_size": 224, "intermediate_size": 4096,
                                   "model_type": "clip_vision_model", "num_attention_heads": 16,
                                   "num_hidden_layers": 24, "patch_size": 14, "projection_dim": 512}}\
                """)).isEqualTo(L);
    }

    @Test
    void otherModelsAreRefused() {
        assertThatThrownBy(() -> read("{\"model_type\": \"dinov2\"}"))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("model_type is \"dinov2\"");
        assertThatThrownBy(() -> read("{\"model_type\": \"clip_vision_model\", \"hidden_act\": \"relu\"}"))
                .hasMessageContaining("hidden_act is relu");
        assertThatThrownBy(() -> read("{\"model_type\": \"clip_vision_model\", \"image_size\": 8, \"patch_size\": 16}"))
                .hasMessageContaining("patches of 16 pixels");
    }
}
