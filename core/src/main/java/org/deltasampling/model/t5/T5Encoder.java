package org.deltasampling.model.t5;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.file.Quoted;
import org.deltasampling.model.Settings;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.DotProduct;
import org.deltasampling.nn.Embedding;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.RmsNorm;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.WeightSource;

/**
 * The encoder of T5 version 1.1 (Raffel et al. 2020; gated GELU after Shazeer 2020), with the structure and names of
 * transformers' {@code T5EncoderModel}. Positions enter attention as a bias for each distance, which the first layer holds
 * for all. Padding is read like any other token, as the pipelines of SD-3 do.
 *
 * <p>Shapes: b batch, n tokens, d width.
 */
public final class T5Encoder {

    /**
     * Its form.
     *
     * @param headWidth channels of a head; all heads together need not have {@code width}
     * @param buckets,farthest distances from {@code farthest} on have the same of {@code buckets} biases
     */
    public record Config(
            long vocabulary,
            long width,
            long headWidth,
            long heads,
            long inner,
            long layers,
            long buckets,
            long farthest,
            double eps) {

        /**
         * From transformers' config.json. Values that would change the answer and are not implemented are refused.
         *
         * @throws org.deltasampling.weights.BadWeightsException with the key and why
         */
        public static Config read(JsonNode json) {
            Settings s = new Settings("T5 text encoder", json);
            s.require("model_type", "t5");
            String feedForward = s.text("feed_forward_proj", "relu");
            if (!feedForward.equals("gated-gelu")) {
                throw s.refused(
                        "feed_forward_proj",
                        "is %s, which is not implemented (only gated-gelu is, that of T5 version 1.1)"
                                .formatted(Quoted.of(feedForward)));
            }
            Config config = new Config(
                    s.count("vocab_size", 32128),
                    s.count("d_model", 512),
                    s.count("d_kv", 64),
                    s.count("num_heads", 8),
                    s.count("d_ff", 2048),
                    s.count("num_layers", 6),
                    s.count("relative_attention_num_buckets", 32),
                    s.count("relative_attention_max_distance", 128),
                    s.positive("layer_norm_epsilon", 1e-6));
            if (config.buckets < 4 || config.farthest <= config.buckets / 4) {
                throw s.refused(
                        "relative_attention_num_buckets",
                        "is %d, which cannot be shared out to distances up to relative_attention_max_distance %d"
                                .formatted(config.buckets, config.farthest));
            }
            return config;
        }

        /** From the shapes of a file without a config; names are canonical. The farthest distance is always 128. */
        public static Config infer(WeightSource weights) {
            String first = "encoder.block.0.layer.";
            long[] tokens = Shapes.of(weights, "shared.weight", 2);
            long[] bias = Shapes.of(weights, first + "0.SelfAttention.relative_attention_bias.weight", 2);
            return new Config(
                    tokens[0],
                    tokens[1],
                    Shapes.of(weights, first + "0.SelfAttention.q.weight", 2)[0] / bias[1],
                    bias[1],
                    Shapes.of(weights, first + "1.DenseReluDense.wo.weight", 2)[1],
                    Shapes.countAtLeastOne(weights, "encoder.block.{i}.layer.0.SelfAttention.q.weight"),
                    bias[0],
                    128,
                    1e-6);
        }
    }

    private final Config config;
    private final Embedding tokenEmbedding;
    private final Embedding positionBias;
    private final List<Layer> layers = new ArrayList<>();
    private final RmsNorm finalNorm;

    /** Declares and takes every parameter under its canonical name; computes nothing. */
    public T5Encoder(Config c, Parameters p) {
        config = c;
        tokenEmbedding = Embedding.of(p.at("shared"), c.vocabulary(), c.width());
        positionBias = Embedding.of(
                p.at("encoder.block.0.layer.0.SelfAttention.relative_attention_bias"), c.buckets(), c.heads());
        for (int i = 0; i < c.layers(); i++) {
            layers.add(new Layer(c, p.at("encoder.block." + i)));
        }
        finalNorm = RmsNorm.of(p.at("encoder.final_layer_norm"), c.width(), c.eps());
    }

    /** ids (b, n), int64, to (b, n, d). */
    public Tensor encode(Tensor ids) {
        return TensorScope.scopedTensor(() -> {
            Tensor bias = bias(ids);
            Tensor x = tokenEmbedding.apply(ids); // (b, n, d)
            return finalNorm.apply(TensorScope.through(x, layers, (y, layer) -> layer.apply(y, bias)));
        });
    }

    /** The bias of each token's attention to each other, (1, heads, n, n), float32. */
    private Tensor bias(Tensor ids) {
        Tensor positions = torch.arange(new Scalar(ids.size(1))).to(ids.device(), torch.ScalarType.Long); // (n)
        Tensor ahead = positions.unsqueeze(0).sub(positions.unsqueeze(1)); // (n, n), how far ahead the other token is
        return positionBias
                .apply(bucket(ahead)) // (n, n, heads)
                .permute(2, 0, 1)
                .unsqueeze(0)
                .to(torch.ScalarType.Float);
    }

    /** Half of the buckets look ahead, half back; in each half, half are single distances and the others grow by a factor. */
    private Tensor bucket(Tensor ahead) {
        long half = config.buckets() / 2;
        long single = half / 2;
        Tensor distance = ahead.abs();
        Tensor growing = distance.to(torch.ScalarType.Float)
                .div(new Scalar((double) single))
                .log()
                .div(new Scalar(Math.log((double) config.farthest() / single)))
                .mul(new Scalar((double) (half - single)))
                .to(torch.ScalarType.Long)
                .add(new Scalar(single));
        Tensor far = torch.minimum(growing, torch.full_like(growing, new Scalar(half - 1)));
        Tensor one = torch.where(distance.lt(new Scalar(single)), distance, far);
        return ahead.gt(new Scalar(0))
                .to(torch.ScalarType.Long)
                .mul(new Scalar(half))
                .add(one);
    }

    /** Attention, then a gated feed-forward, each after a norm and added to its input; nothing has a bias. */
    private static final class Layer {

        private final RmsNorm norm1;
        private final Linear query;
        private final Linear key;
        private final Linear value;
        private final Linear out;
        private final long heads;
        private final RmsNorm norm2;
        private final Linear gate;
        private final Linear up;
        private final Linear down;

        Layer(Config c, Parameters p) {
            Parameters attention = p.at("layer.0.SelfAttention");
            Parameters feedForward = p.at("layer.1.DenseReluDense");
            long inner = c.heads() * c.headWidth();
            norm1 = RmsNorm.of(p.at("layer.0.layer_norm"), c.width(), c.eps());
            query = Linear.withoutBias(attention.at("q"), c.width(), inner);
            key = Linear.withoutBias(attention.at("k"), c.width(), inner);
            value = Linear.withoutBias(attention.at("v"), c.width(), inner);
            out = Linear.withoutBias(attention.at("o"), inner, c.width());
            heads = c.heads();
            norm2 = RmsNorm.of(p.at("layer.1.layer_norm"), c.width(), c.eps());
            gate = Linear.withoutBias(feedForward.at("wi_0"), c.width(), c.inner());
            up = Linear.withoutBias(feedForward.at("wi_1"), c.width(), c.inner());
            down = Linear.withoutBias(feedForward.at("wo"), c.inner(), c.width());
        }

        Tensor apply(Tensor x, Tensor bias) {
            Tensor a = norm1.apply(x);
            Tensor y = x.add(out.apply(DotProduct.attendUnscaled(
                    DotProduct.heads(query.apply(a), heads),
                    DotProduct.heads(key.apply(a), heads),
                    DotProduct.heads(value.apply(a), heads),
                    bias)));
            Tensor b = norm2.apply(y);
            return y.add(down.apply(Activation.GELU_TANH.apply(gate.apply(b)).mul(up.apply(b))));
        }
    }
}
