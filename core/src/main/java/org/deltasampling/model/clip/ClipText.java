package org.deltasampling.model.clip;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Settings;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Attention;
import org.deltasampling.nn.Embedding;
import org.deltasampling.nn.LayerNorm;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.WeightSource;
import org.jspecify.annotations.Nullable;

/**
 * CLIP's text encoder (Radford et al. 2021): a causal transformer whose norms come first, with the structure and names of
 * transformers' {@code CLIPTextModel}, or of its {@code CLIPTextModelWithProjection}. Canonical names begin with {@code
 * text_model.}, as in the files of the published models; newer versions of transformers write them without.
 *
 * <p>Shapes: b batch, n tokens (77), d width.
 */
public final class ClipText {

    /**
     * Widths and depths.
     *
     * @param tokens longest text, in ids
     * @param end id whose first place gives the pooled output; 2 is an old mistake in published configs and stands for
     *     the largest id in the text
     * @param projection width that the pooled output is projected to; 0: it is not
     */
    public record Config(
            long vocabulary,
            long tokens,
            long width,
            long inner,
            long layers,
            long heads,
            Activation activation,
            double eps,
            long end,
            long projection) {

        private static final long LARGEST_ID = 2;

        /**
         * From transformers' config.json. Values that would change the answer and are not implemented are refused.
         *
         * @throws org.deltasampling.weights.BadWeightsException with the key and why
         */
        public static Config read(JsonNode json) {
            Settings s = new Settings("text encoder", json);
            s.require("model_type", "clip_text_model");
            boolean projects =
                    s.texts("architectures", List.of("CLIPTextModel")).contains("CLIPTextModelWithProjection");
            return new Config(
                    s.whole("vocab_size", 49408),
                    s.whole("max_position_embeddings", 77),
                    s.whole("hidden_size", 512),
                    s.whole("intermediate_size", 2048),
                    s.whole("num_hidden_layers", 12),
                    s.whole("num_attention_heads", 8),
                    activation(s, s.text("hidden_act", "quick_gelu")),
                    s.number("layer_norm_eps", 1e-5),
                    s.whole("eos_token_id", 49407),
                    projects ? s.whole("projection_dim", 512) : 0);
        }

        private static Activation activation(Settings s, String name) {
            return switch (name) {
                case "gelu" -> Activation.GELU;
                case "quick_gelu" -> Activation.QUICK_GELU;
                default ->
                    throw s.refused(
                            "hidden_act",
                            "is %s, which is not implemented (only gelu and quick_gelu are)".formatted(name));
            };
        }

        /**
         * From the shapes of a file without a config; names are canonical. What leaves no trace in the shapes is taken
         * from the published encoders: 64 channels a head, quick_gelu for width 768 (OpenAI's, in SD-1 and XL), gelu for
         * every other (OpenCLIP's, in SD-2 and XL), the largest id is the end.
         */
        public static Config infer(WeightSource weights) {
            long[] words =
                    weights.info("text_model.embeddings.token_embedding.weight").shape();
            long layers = 0;
            while (weights.names().contains("text_model.encoder.layers.%d.mlp.fc1.weight".formatted(layers))) {
                layers++;
            }
            boolean projects = weights.names().contains(PROJECTION + ".weight");
            return new Config(
                    words[0],
                    weights.info("text_model.embeddings.position_embedding.weight")
                            .shape()[0],
                    words[1],
                    weights.info("text_model.encoder.layers.0.mlp.fc1.weight").shape()[0],
                    layers,
                    Math.max(1, words[1] / 64),
                    words[1] == 768 ? Activation.QUICK_GELU : Activation.GELU,
                    1e-5,
                    LARGEST_ID,
                    projects ? weights.info(PROJECTION + ".weight").shape()[0] : 0);
        }
    }

    /**
     * What the encoder says of a text.
     *
     * @param last after the last layer and the final norm, (b, n, d)
     * @param penultimate before the last layer, not normed, (b, n, d)
     * @param pooled {@code last} at the end of the text, (b, d), or projected, (b, projection)
     */
    public record Output(Tensor last, Tensor penultimate, Tensor pooled) {}

    private static final String PROJECTION = "text_projection";

    private final Config config;
    private final Embedding words;
    private final Embedding places;
    private final List<Layer> layers = new ArrayList<>();
    private final LayerNorm finalNorm;
    private final @Nullable Linear projection;

    /** Declares and takes every parameter under its canonical name; computes nothing. */
    public ClipText(Config c, Parameters parameters) {
        Parameters p = parameters.at("text_model");
        config = c;
        words = Embedding.of(p.at("embeddings.token_embedding"), c.vocabulary(), c.width());
        places = Embedding.of(p.at("embeddings.position_embedding"), c.tokens(), c.width());
        for (int i = 0; i < c.layers(); i++) {
            layers.add(new Layer(c, p.at("encoder.layers." + i)));
        }
        finalNorm = LayerNorm.of(p.at("final_layer_norm"), c.width(), c.eps());
        projection =
                c.projection() == 0 ? null : Linear.withoutBias(parameters.at(PROJECTION), c.width(), c.projection());
    }

    public Config config() {
        return config;
    }

    /** ids (b, n), int64, n at most {@link Config#tokens}. */
    public Output encode(Tensor ids) {
        Tensor penultimate = TensorScope.scopedTensor(() -> {
            Tensor x = words.apply(ids).add(places.first(ids.size(1))); // (b, n, d)
            for (Layer layer : layers.subList(0, layers.size() - 1)) {
                x = layer.apply(x);
            }
            return x;
        });
        Tensor last = TensorScope.scopedTensor(
                () -> finalNorm.apply(layers.get(layers.size() - 1).apply(penultimate)));
        return new Output(last, penultimate, TensorScope.scopedTensor(() -> pooled(last, ids)));
    }

    private Tensor pooled(Tensor last, Tensor ids) {
        Tensor marks = config.end() == Config.LARGEST_ID
                ? ids
                : ids.eq(new Scalar(config.end())).to(torch.ScalarType.Int);
        Tensor end =
                marks.argmax(new LongOptional(1), true).unsqueeze(-1); // (b, 1, 1), the first where several are equal
        Tensor pooled = torch.gather(last, 1, end.expand(ids.size(0), 1, config.width()))
                .squeeze(1);
        return projection == null ? pooled : projection.apply(pooled);
    }

    /** Causal attention, then a feed-forward, each after a norm and added to its input. */
    private static final class Layer {

        private final LayerNorm norm1;
        private final Attention attention;
        private final LayerNorm norm2;
        private final Linear widen;
        private final Activation activation;
        private final Linear narrow;

        Layer(Config c, Parameters p) {
            norm1 = LayerNorm.of(p.at("layer_norm1"), c.width(), c.eps());
            attention = new Attention(
                    Linear.of(p.at("self_attn.q_proj"), c.width(), c.width()),
                    Linear.of(p.at("self_attn.k_proj"), c.width(), c.width()),
                    Linear.of(p.at("self_attn.v_proj"), c.width(), c.width()),
                    Linear.of(p.at("self_attn.out_proj"), c.width(), c.width()),
                    c.heads());
            norm2 = LayerNorm.of(p.at("layer_norm2"), c.width(), c.eps());
            widen = Linear.of(p.at("mlp.fc1"), c.width(), c.inner());
            activation = c.activation();
            narrow = Linear.of(p.at("mlp.fc2"), c.inner(), c.width());
        }

        Tensor apply(Tensor x) {
            return TensorScope.scopedTensor(() -> {
                Tensor y = x.add(attention.causal(norm1.apply(x)));
                return y.add(narrow.apply(activation.apply(widen.apply(norm2.apply(y)))));
            });
        }
    }
}
