package org.deltasampling.model.clip;

import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Attention;
import org.deltasampling.nn.LayerNorm;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;

/** Attention, then a feed-forward, each after a norm and added to its input; (b, n, d) to the same shape. */
record ClipLayer(LayerNorm norm1, Attention attention, LayerNorm norm2, Linear fc1, Activation activation, Linear fc2) {

    private static final List<String> PROJECTIONS = List.of("q_proj", "k_proj", "v_proj", "out_proj");

    /** Those of a transformer over {@code p}, whose names begin with their numbers. */
    static List<ClipLayer> all(ClipLayers c, Parameters p) {
        return LongStream.range(0, c.count())
                .mapToObj(i -> of(c, p.at(Long.toString(i))))
                .toList();
    }

    private static ClipLayer of(ClipLayers c, Parameters p) {
        return new ClipLayer(
                LayerNorm.of(p.at("layer_norm1"), c.width(), c.eps()),
                Attention.withBias(p.at("self_attn"), c.width(), c.heads(), PROJECTIONS),
                LayerNorm.of(p.at("layer_norm2"), c.width(), c.eps()),
                Linear.of(p.at("mlp.fc1"), c.width(), c.inner()),
                c.activation(),
                Linear.of(p.at("mlp.fc2"), c.inner(), c.width()));
    }

    /** Each token attends to all. */
    Tensor apply(Tensor x) {
        return apply(x, normed -> attention.apply(normed, normed));
    }

    /** Each token attends to itself and its predecessors only. */
    Tensor causal(Tensor x) {
        return apply(x, attention::causal);
    }

    private Tensor apply(Tensor x, UnaryOperator<Tensor> attend) {
        return TensorScope.scopedTensor(() -> {
            Tensor y = x.add(attend.apply(norm1.apply(x)));
            return y.add(fc2.apply(activation.apply(fc1.apply(norm2.apply(y)))));
        });
    }
}
