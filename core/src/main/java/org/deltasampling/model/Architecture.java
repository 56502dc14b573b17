package org.deltasampling.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.nn.Activation;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.WeightSource;

/** The families of models that can be loaded, and the only place that lists facts about them. */
public enum Architecture {
    /** CompVis' and Runway's models of 2022: CLIP ViT-L, transformers that project by 1x1 convolutions, epsilon. */
    SD1("Stable Diffusion 1.x", 768, Activation.QUICK_GELU),

    /** Stability's models of 2022: OpenCLIP ViT-H up to its layer before the last, linear projections, epsilon or v. */
    SD2("Stable Diffusion 2.x", 1024, Activation.GELU);

    /** Where SD-2 files have a larger deviation of the last transformer's first norm bias, they are v-prediction (ComfyUI). */
    private static final double VELOCITY_DEVIATION = 0.09;

    private final String title;
    private final long contextWidth;
    private final Activation textActivation;

    Architecture(String title, long contextWidth, Activation textActivation) {
        this.title = title;
        this.contextWidth = contextWidth;
        this.textActivation = textActivation;
    }

    /** The family's name for people. */
    public String title() {
        return title;
    }

    /** The family of a UNet, told by its form. */
    public static Architecture of(UNet.Config unet) {
        return unet.linearProjection() ? SD2 : SD1;
    }

    /** The family whose published models read text embeddings of that width. */
    public static Optional<Architecture> ofContextWidth(long width) {
        return Arrays.stream(values()).filter(a -> a.contextWidth == width).findFirst();
    }

    /** The text encoder of a file without a config: what leaves no trace in the shapes is the family's. */
    ClipText.Config textConfig(WeightSource text) {
        ClipText.Config c = ClipText.Config.infer(text);
        return new ClipText.Config(
                c.vocabulary(),
                c.tokens(),
                c.width(),
                c.inner(),
                c.layers(),
                c.heads(),
                textActivation,
                c.eps(),
                c.end(),
                c.projection());
    }

    /**
     * The scheduler config of a file without one, in diffusers' words: the noise that the family was trained with, and
     * nothing about how to sample.
     */
    static JsonNode scheduler(boolean velocity) {
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.put("beta_schedule", "scaled_linear").put("beta_start", 0.00085).put("beta_end", 0.012);
        config.put("num_train_timesteps", 1000).put("steps_offset", 1).put("set_alpha_to_one", false);
        return config.put("prediction_type", velocity ? "v_prediction" : "epsilon");
    }

    /**
     * Whether the UNet of a file without a config predicts v rather than epsilon. The file may say so (a tensor named
     * {@code v_pred}, or modelspec metadata); else SD-1 predicts epsilon, and SD-2 is told by the weights themselves, by the
     * deviation of {@code norm1.bias} in the last transformer of the finest level that has one, which is {@code
     * output_blocks.11.1} at full size.
     *
     * @param said the metadata {@code modelspec.prediction_type}, empty if there is none
     */
    boolean predictsVelocity(WeightSource unet, UNet.Config config, Set<String> namesInFile, String said) {
        if (!said.isEmpty()) {
            return said.startsWith("v");
        }
        if (this == SD1 || namesInFile.contains("v_pred")) {
            return namesInFile.contains("v_pred");
        }
        int finest = config.attentionUp().indexOf(true);
        if (finest < 0) {
            return false;
        }
        String bias = "up_blocks.%d.attentions.%d.transformer_blocks.0.norm1.bias"
                .formatted(config.channels().size() - 1 - finest, config.resnets());
        try (TensorScope scope = TensorScope.open()) {
            Tensor values = unet.load(bias).to(torch.ScalarType.Float);
            return values.std().item_double() > VELOCITY_DEVIATION;
        }
    }
}
