package org.deltasampling.model.ipadapter;

import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.DotProduct;
import org.deltasampling.nn.LayerNorm;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightSource;
import org.jspecify.annotations.Nullable;

/**
 * Learned queries that read an image encoder's hidden states (Alayrac et al. 2022, the perceiver resampler), with the structure of
 * diffusers' {@code IPAdapterPlusImageProjection} and, where it depends on a timestep, {@code IPAdapterTimeImageProjection}.
 *
 * <p>Shapes: i images, n tokens of the encoder, q queries, d width.
 */
record Resampler(Tensor queries, Linear in, List<Layer> layers, Linear out, LayerNorm norm) implements ImageProjection {

    /** Of all norms here. */
    static final double EPS = 1e-5;

    /** Of every published one. */
    private static final long HEAD_WIDTH = 64;

    /**
     * Of the shapes of {@code weights}.
     *
     * @param timed whether it reads a time embedding
     */
    static Resampler of(WeightSource weights, Parameters p, boolean timed) {
        long[] queries = Shapes.of(weights, "latents", 3);
        long width = queries[2];
        long out = Shapes.of(weights, "norm_out.weight", 1)[0];
        long inner = Shapes.of(weights, "layers.0.0.to_q.weight", 2)[0];
        long feedForward = Shapes.of(weights, "layers.0.1.1.weight", 2)[0];
        if (inner % HEAD_WIDTH != 0) {
            throw new BadWeightsException("%d channels of the image projection are no whole number of heads %d wide"
                    .formatted(inner, HEAD_WIDTH));
        }
        return new Resampler(
                p.get("latents", 1, queries[1], width),
                Linear.of(p.at("proj_in"), Shapes.of(weights, "proj_in.weight", 2)[1], width),
                IntStream.range(0, Shapes.countAtLeastOne(weights, "layers.{i}.0.to_q.weight"))
                        .mapToObj(i -> Layer.of(p.at("layers." + i), width, inner, feedForward, timed))
                        .toList(),
                Linear.of(p.at("proj_out"), width, out),
                LayerNorm.of(p.at("norm_out"), out, EPS));
    }

    @Override
    public Tensor tokens(Tensor features) {
        return tokens(features, null);
    }

    /** Hidden states (i, n, features) and a time embedding (i, d), where it reads one, to tokens (i, q, width of the tokens). */
    Tensor tokens(Tensor features, @Nullable Tensor time) {
        return TensorScope.scopedTensor(() -> {
            Tensor projected = in.apply(features); // (i, n, d)
            Tensor states = time == null ? projected : projected.add(time.unsqueeze(1));
            Tensor start = queries.expand(states.size(0), queries.size(1), queries.size(2));
            return norm.apply(
                    out.apply(TensorScope.through(start, layers, (x, layer) -> layer.apply(x, states, time))));
        });
    }

    /**
     * Attention of the queries to the hidden states and to themselves, then a feed-forward, each after a norm and added to its
     * input.
     *
     * @param modulation of both norms by the time embedding; null: there is none
     */
    record Layer(
            LayerNorm ofStates,
            LayerNorm ofQueries,
            Linear query,
            Linear keyAndValue,
            Linear attentionOut,
            LayerNorm beforeFeedForward,
            Linear feedForwardIn,
            Linear feedForwardOut,
            @Nullable Linear modulation) {

        private static Layer of(Parameters p, long width, long inner, long feedForward, boolean timed) {
            return new Layer(
                    LayerNorm.of(p.at("0.norm1"), width, EPS),
                    LayerNorm.of(p.at("0.norm2"), width, EPS),
                    Linear.withoutBias(p.at("0.to_q"), width, inner),
                    Linear.withoutBias(p.at("0.to_kv"), width, 2 * inner),
                    Linear.withoutBias(p.at("0.to_out"), inner, width),
                    LayerNorm.of(p.at("1.0"), width, EPS),
                    Linear.withoutBias(p.at("1.1"), width, feedForward),
                    Linear.withoutBias(p.at("1.3"), feedForward, width),
                    timed ? Linear.of(p.at("2.1"), width, 4 * width) : null);
        }

        /** x (i, q, d), states (i, n, d), time (i, d). */
        Tensor apply(Tensor x, Tensor states, @Nullable Tensor time) {
            Tensor chunks = modulation == null || time == null
                    ? null
                    : modulation.apply(Activation.SILU.apply(time)).unsqueeze(1); // (i, 1, 4 d)
            Tensor y = x.add(attend(modulated(ofQueries.apply(x), chunks, 0), ofStates.apply(states)));
            Tensor z = modulated(beforeFeedForward.apply(y), chunks, 2);
            return y.add(feedForwardOut.apply(Activation.GELU.apply(feedForwardIn.apply(z))));
        }

        private Tensor attend(Tensor x, Tensor states) {
            long inner = query.weight().size(0);
            long heads = inner / HEAD_WIDTH;
            Tensor both = keyAndValue.apply(torch.cat(new TensorVector(states, x), 1)); // (i, n + q, 2 inner)
            return attentionOut.apply(DotProduct.attend(
                    DotProduct.heads(query.apply(x), heads),
                    DotProduct.heads(both.narrow(2, 0, inner), heads),
                    DotProduct.heads(both.narrow(2, inner, inner), heads)));
        }

        /** By a shift and then a scale, the chunks from {@code first} on. */
        private static Tensor modulated(Tensor normed, @Nullable Tensor chunks, long first) {
            if (chunks == null) {
                return normed;
            }
            long width = normed.size(2);
            Tensor scale = chunks.narrow(2, (first + 1) * width, width);
            return normed.mul(scale.add(new Scalar(1))).add(chunks.narrow(2, first * width, width));
        }
    }
}
