package org.deltasampling.model.mmdit;

import org.bytedeco.pytorch.Tensor;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;

/** {@code linear_2(gelu(linear_1(x)))}. */
record FeedForward(Linear linear1, Linear linear2) {

    static FeedForward of(Blocks c, Parameters p) {
        return new FeedForward(
                Linear.of(p.at("net.0.proj"), c.width(), 4 * c.width()),
                Linear.of(p.at("net.2"), 4 * c.width(), c.width()));
    }

    /** {@code x} (b, n, d) and the feed-forward of its modulated norm. */
    Tensor addTo(Tensor x, Modulation m) {
        return TensorScope.scopedTensor(() ->
                m.add(x, linear2.apply(Activation.GELU_TANH.apply(linear1.apply(m.apply(Modulation.norm(x)))))));
    }
}
