package org.deltasampling.model.clip;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Settings;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.LayerNorm;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightSource;
import org.jspecify.annotations.Nullable;

/**
 * The image encoder of CLIP (Radford et al. 2021) or SigLIP (Zhai et al. 2023): a transformer over the patches of an image, with
 * the structure and names of transformers' {@code CLIPVisionModelWithProjection} and {@code SiglipVisionModel}. SigLIP has neither
 * a class token nor a norm before its layers; its pooled output is not computed.
 *
 * <p>Shapes: b batch, n tokens, d width. It computes in the precision of its weights and answers in float32.
 */
public final class ClipVision {

    /**
     * Its form.
     *
     * @param imageSize height and width of the images that it reads, in pixels
     * @param patchSize height and width of a patch, in pixels
     * @param projection width of the image embedding; 0: it has none
     * @param siglip whether it is SigLIP's
     */
    public record Config(ClipLayers layers, long imageSize, long patchSize, long projection, boolean siglip) {

        private static final ClipLayers CLIP = new ClipLayers(12, 768, 3072, 12, Activation.QUICK_GELU, 1e-5);
        private static final ClipLayers SIGLIP = new ClipLayers(12, 768, 3072, 12, Activation.GELU_TANH, 1e-6);

        public Config {
            if (imageSize < patchSize) {
                throw new BadWeightsException(
                        "the image encoder's patches of %d pixels are larger than its images of %d"
                                .formatted(patchSize, imageSize));
            }
        }

        /** Whether {@code json} is the config of an image encoder, or of a model that has one. */
        public static boolean isIn(JsonNode json) {
            return List.of("clip", "clip_vision_model", "siglip", "siglip_vision_model")
                    .contains(json.path("model_type").asText());
        }

        /**
         * From transformers' config.json, of the encoder or of the whole model. Values that would change the answer and are not
         * implemented are refused.
         *
         * @throws BadWeightsException with the key and why
         */
        public static Config read(JsonNode json) {
            new Settings("image encoder", json)
                    .require("model_type", "clip", "clip_vision_model", "siglip", "siglip_vision_model");
            boolean siglip = json.path("model_type").asText().startsWith("siglip");
            boolean whole = json.path("vision_config").isObject();
            JsonNode vision = whole ? json.path("vision_config") : json;
            if (whole && json.hasNonNull("projection_dim")) { // the encoder's own copy is not kept up to date
                vision = ((ObjectNode) vision.deepCopy()).set("projection_dim", json.path("projection_dim"));
            }
            Settings s = new Settings("image encoder", vision);
            s.require("num_channels", "3");
            boolean projects = whole
                    || s.texts("architectures", List.of("CLIPVisionModelWithProjection"))
                            .contains("CLIPVisionModelWithProjection");
            return new Config(
                    ClipLayers.read(s, siglip ? SIGLIP : CLIP),
                    s.count("image_size", 224),
                    s.count("patch_size", siglip ? 16 : 32),
                    projects && !siglip ? s.count("projection_dim", 512) : 0,
                    siglip);
        }

        /**
         * From the shapes of a file without a config; names are canonical. What leaves no trace in the shapes is taken from the
         * published encoders: 16 heads (12 at width 768), quick_gelu up to width 1024 (OpenAI's), gelu above (OpenCLIP's ViT-H and
         * bigG), images of 384 pixels where 27 patches of 14 fit.
         */
        public static Config infer(WeightSource weights) {
            long[] patch =
                    Shapes.of(weights, "vision_model.embeddings.patch_embedding.weight", 4); // (d, 3, side, side)
            long positions = Shapes.of(weights, "vision_model.embeddings.position_embedding.weight", 2)[0];
            long width = patch[0];
            boolean siglip = !weights.names().contains("vision_model.embeddings.class_embedding");
            long side = Math.round(Math.sqrt((double) (siglip ? positions : positions - 1)));
            String projection = PROJECTION + ".weight";
            Activation activation =
                    siglip ? Activation.GELU_TANH : width <= 1024 ? Activation.QUICK_GELU : Activation.GELU;
            return new Config(
                    new ClipLayers(
                            Shapes.countAtLeastOne(weights, "vision_model.encoder.layers.{i}.mlp.fc1.weight"),
                            width,
                            Shapes.of(weights, "vision_model.encoder.layers.0.mlp.fc1.weight", 2)[0],
                            width == 768 ? 12 : 16,
                            activation,
                            siglip ? SIGLIP.eps() : CLIP.eps()),
                    patch[2] == 14 && side == 27 ? 384 : patch[2] * side,
                    patch[2],
                    weights.names().contains(projection) ? Shapes.of(weights, projection, 2)[0] : 0,
                    siglip);
        }

        long positions() {
            long side = imageSize / patchSize;
            return side * side + (siglip ? 0 : 1);
        }
    }

    private static final String PROJECTION = "visual_projection";

    private final Config config;
    private final @Nullable Tensor classEmbedding;
    private final Tensor patchWeight;
    private final @Nullable Tensor patchBias;
    private final Tensor positionEmbedding;
    private final @Nullable LayerNorm normBefore;
    private final List<ClipLayer> layers;
    private final @Nullable LayerNorm normAfter;
    private final @Nullable Linear projection;

    /** Declares and takes every parameter under its canonical name; computes nothing. */
    public ClipVision(Config c, Parameters parameters) {
        Parameters p = parameters.at("vision_model");
        Parameters embeddings = p.at("embeddings");
        long width = c.layers().width();
        config = c;
        classEmbedding = c.siglip() ? null : embeddings.get("class_embedding", width);
        patchWeight = embeddings.get("patch_embedding.weight", width, 3, c.patchSize(), c.patchSize());
        patchBias = c.siglip() ? embeddings.get("patch_embedding.bias", width) : null;
        positionEmbedding = embeddings.get("position_embedding.weight", c.positions(), width);
        normBefore = c.siglip()
                ? null
                : LayerNorm.of(p.at("pre_layrnorm"), width, c.layers().eps()); // as it is spelled
        layers = ClipLayer.all(c.layers(), p.at("encoder.layers"));
        normAfter = c.siglip()
                ? null
                : LayerNorm.of(p.at("post_layernorm"), width, c.layers().eps());
        projection = c.projection() == 0 ? null : Linear.withoutBias(parameters.at(PROJECTION), width, c.projection());
    }

    public Config config() {
        return config;
    }

    /**
     * The hidden states before the last layer, not normalized, (b, n, d); CLIP's first token is that of its class.
     *
     * @param pixels normalized, (b, 3, {@link Config#imageSize}, {@link Config#imageSize})
     */
    public Tensor penultimate(Tensor pixels) {
        return TensorScope.scopedTensor(() -> hiddenStates(pixels).to(torch.ScalarType.Float));
    }

    private Tensor hiddenStates(Tensor pixels) {
        return TensorScope.through(
                embedded(pixels), layers.subList(0, layers.size() - 1), (x, layer) -> layer.apply(x));
    }

    /**
     * The image embedding: the class token after the last layer, normalized and projected, (b, projection).
     *
     * @param pixels as in {@link #penultimate}
     * @throws IllegalStateException if this encoder has no projection
     */
    public Tensor embedding(Tensor pixels) {
        if (projection == null || normAfter == null) {
            throw new IllegalStateException("this image encoder has no projection");
        }
        return TensorScope.scopedTensor(() -> {
            Tensor last = layers.get(layers.size() - 1).apply(hiddenStates(pixels));
            return projection.apply(normAfter.apply(last.select(1, 0))).to(torch.ScalarType.Float);
        });
    }

    private Tensor embedded(Tensor pixels) {
        long patch = config.patchSize();
        Tensor patches = torch.conv2d(
                        pixels.to(patchWeight.scalar_type()),
                        patchWeight,
                        patchBias == null ? new TensorOptional() : new TensorOptional(patchBias),
                        new long[] {patch, patch},
                        new long[] {0, 0},
                        new long[] {1, 1},
                        1)
                .flatten(2, 3)
                .transpose(1, 2); // (b, patches, d)
        if (classEmbedding == null || normBefore == null) {
            return patches.add(positionEmbedding);
        }
        Tensor first = classEmbedding.expand(patches.size(0), 1, patches.size(2));
        return normBefore.apply(torch.cat(new TensorVector(first, patches), 1).add(positionEmbedding));
    }
}
