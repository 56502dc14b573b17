package org.deltasampling.model.clip;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Settings;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.Activation;
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
     * Its form.
     *
     * @param projection width that the pooled output is projected to; 0: it is not
     */
    public record Config(Text text, ClipLayers layers, long projection) {

        private static final long LARGEST_ID = 2;

        private static final ClipLayers DEFAULT = new ClipLayers(12, 512, 2048, 8, Activation.QUICK_GELU, 1e-5);

        /**
         * What it reads.
         *
         * @param vocabulary rows of the token embedding
         * @param length of the longest text, in ids
         * @param end id at whose first position the pooled output is taken; 2 is an old mistake in published configs and stands for
         *     the largest id in the text
         */
        public record Text(long vocabulary, long length, long end) {}

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
                    new Text(
                            s.count("vocab_size", 49408),
                            s.count("max_position_embeddings", 77),
                            s.whole("eos_token_id", 49407)),
                    ClipLayers.read(s, DEFAULT),
                    projects ? s.count("projection_dim", 512) : 0);
        }

        /**
         * From the shapes of a file without a config; names are canonical. What leaves no trace in the shapes is taken
         * from the published encoders: 64 channels a head, quick_gelu for width 768 (OpenAI's, in SD-1 and XL), gelu for
         * every other (OpenCLIP's, in SD-2 and XL), the largest id is the end.
         */
        public static Config infer(WeightSource weights) {
            long[] tokens = Shapes.of(weights, "text_model.embeddings.token_embedding.weight", 2);
            long[] positions = Shapes.of(weights, "text_model.embeddings.position_embedding.weight", 2);
            long width = tokens[1];
            String projection = PROJECTION + ".weight";
            return new Config(
                    new Text(tokens[0], positions[0], LARGEST_ID),
                    new ClipLayers(
                            Shapes.countAtLeastOne(weights, "text_model.encoder.layers.{i}.mlp.fc1.weight"),
                            width,
                            Shapes.of(weights, "text_model.encoder.layers.0.mlp.fc1.weight", 2)[0],
                            Math.max(1, width / 64),
                            width == 768 ? Activation.QUICK_GELU : Activation.GELU,
                            1e-5),
                    weights.names().contains(projection) ? Shapes.of(weights, projection, 2)[0] : 0);
        }

        /** The same with another activation, which leaves no trace in the shapes. */
        public Config with(Activation activation) {
            return new Config(text, layers.with(activation), projection);
        }

        /** Width of the pooled output. */
        public long pooledWidth() {
            return projection == 0 ? layers.width() : projection;
        }
    }

    /**
     * What it makes of a text.
     *
     * @param last hidden states after the last layer and the final norm, (b, n, d)
     * @param penultimate hidden states before the last layer, not normalized, (b, n, d)
     * @param pooled {@code last} at the end of the text, (b, d), or projected, (b, projection)
     */
    public record Output(Tensor last, Tensor penultimate, Tensor pooled) {

        /** The same of other tensors, each made from one of these. */
        public Output map(UnaryOperator<Tensor> change) {
            return new Output(change.apply(last), change.apply(penultimate), change.apply(pooled));
        }
    }

    private static final String PROJECTION = "text_projection";

    private final Config config;
    private final Embedding tokenEmbedding;
    private final Embedding positionEmbedding;
    private final List<ClipLayer> layers;
    private final LayerNorm finalNorm;
    private final @Nullable Linear projection;

    /** Declares and takes every parameter under its canonical name; computes nothing. */
    public ClipText(Config c, Parameters parameters) {
        Parameters p = parameters.at("text_model");
        long width = c.layers().width();
        config = c;
        tokenEmbedding =
                Embedding.of(p.at("embeddings.token_embedding"), c.text().vocabulary(), width);
        positionEmbedding =
                Embedding.of(p.at("embeddings.position_embedding"), c.text().length(), width);
        layers = ClipLayer.all(c.layers(), p.at("encoder.layers"));
        finalNorm = LayerNorm.of(p.at("final_layer_norm"), width, c.layers().eps());
        projection = c.projection() == 0 ? null : Linear.withoutBias(parameters.at(PROJECTION), width, c.projection());
    }

    private ClipText(ClipText base, Embedding tokenEmbedding) {
        this.tokenEmbedding = tokenEmbedding;
        config = base.config;
        positionEmbedding = base.positionEmbedding;
        layers = base.layers;
        finalNorm = base.finalNorm;
        projection = base.projection;
    }

    /**
     * The same encoder with embeddings of its own for further ids, those from {@link Config.Text#vocabulary} on, as a textual
     * inversion brings them (Gal et al. 2022); its own table is not copied.
     *
     * @param embeddings (ids, d)
     */
    public ClipText withEmbeddings(Tensor embeddings) {
        return new ClipText(this, tokenEmbedding.with(embeddings));
    }

    public Config config() {
        return config;
    }

    /** ids (b, n), int64, n at most {@link Config.Text#length}. */
    public Output encode(Tensor ids) {
        Tensor penultimate = TensorScope.scopedTensor(() -> {
            Tensor x = tokenEmbedding.apply(ids).add(positionEmbedding.first(ids.size(1))); // (b, n, d)
            for (ClipLayer layer : layers.subList(0, layers.size() - 1)) {
                x = layer.causal(x);
            }
            return x;
        });
        Tensor last = TensorScope.scopedTensor(
                () -> finalNorm.apply(layers.get(layers.size() - 1).causal(penultimate)));
        return new Output(last, penultimate, TensorScope.scopedTensor(() -> pooled(last, ids)));
    }

    private Tensor pooled(Tensor last, Tensor ids) {
        Tensor end = endMarks(ids)
                .argmax(new LongOptional(1), true)
                .unsqueeze(-1); // (b, 1, 1), the first where several are equal
        Tensor pooled = torch.gather(
                        last, 1, end.expand(ids.size(0), 1, config.layers().width()))
                .squeeze(1);
        return projection == null ? pooled : projection.apply(pooled);
    }

    /** Numbers whose largest is at the end of the text; ids of further embeddings do not count. */
    private Tensor endMarks(Tensor ids) {
        if (config.text().end() != Config.LARGEST_ID) {
            return ids.eq(new Scalar(config.text().end())).to(torch.ScalarType.Int);
        }
        return tokenEmbedding.added() == null
                ? ids
                : ids.mul(ids.lt(new Scalar(config.text().vocabulary())).to(torch.ScalarType.Long));
    }
}
