package org.deltasampling.model.unet;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Attention;
import org.deltasampling.nn.GroupNorm;
import org.deltasampling.nn.LayerNorm;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;

/** {@code x + out(blocks(in(norm(x))))}, the image's elements as tokens. */
final class Transformer {

    private final GroupNorm norm;
    private final Linear projectIn;
    private final List<TransformerBlock> blocks = new ArrayList<>();
    private final Linear projectOut;

    Transformer(EncoderConfig c, Parameters p, int level, AtomicInteger attentions) {
        long width = c.channels(level);
        norm = GroupNorm.of(p.at("norm"), width, new GroupNorm.Groups(c.groups().count(), 1e-6));
        projectIn = projection(p.at("proj_in"), width, c.linearProjection());
        for (int i = 0; i < c.levels().get(level).depth(); i++) {
            blocks.add(new TransformerBlock(
                    p.at("transformer_blocks." + i),
                    width,
                    c.contextWidth(),
                    c.levels().get(level).heads(),
                    attentions.getAndIncrement()));
        }
        projectOut = projection(p.at("proj_out"), width, c.linearProjection());
    }

    /** A 1x1 convolution is a linear layer of tokens whose weight has two more axes of length 1. */
    private static Linear projection(Parameters p, long width, boolean linear) {
        return linear
                ? Linear.of(p, width, width)
                : new Linear(p.get("weight", width, width, 1, 1), p.get("bias", width));
    }

    Tensor apply(Tensor x, Inputs inputs) {
        return TensorScope.scopedTensor(() -> {
            long[] shape = x.sizes().vec().get(); // (b, c, h, w)
            Tensor y = norm.apply(x).flatten(2, 3).transpose(1, 2); // (b, h w, c)
            y = flat(projectIn).apply(y);
            for (TransformerBlock block : blocks) {
                y = block.apply(y, inputs);
            }
            y = flat(projectOut).apply(y);
            return x.add(y.transpose(1, 2).reshape(shape)); // (b, c, h, w)
        });
    }

    private static Linear flat(Linear projection) {
        return projection.weight().dim() == 2
                ? projection
                : new Linear(projection.weight().flatten(1, 3), projection.bias());
    }

    /** Self-attention, cross-attention to the text, a GEGLU feed-forward, each after a norm and added to its input. */
    private static final class TransformerBlock {

        private final LayerNorm norm1;
        private final Attention selfAttention;
        private final LayerNorm norm2;
        private final Attention crossAttention;
        private final int number;
        private final LayerNorm norm3;
        private final Linear projection;
        private final Linear out;
        private final long inner;

        /** @param number of its cross-attention among the network's, in the order of running */
        TransformerBlock(Parameters p, long width, long contextWidth, long heads, int number) {
            this.number = number;
            inner = 4 * width;
            norm1 = LayerNorm.of(p.at("norm1"), width, 1e-5);
            selfAttention = Attention.withoutBias(p.at("attn1"), width, width, heads);
            norm2 = LayerNorm.of(p.at("norm2"), width, 1e-5);
            crossAttention = Attention.withoutBias(p.at("attn2"), width, contextWidth, heads);
            norm3 = LayerNorm.of(p.at("norm3"), width, 1e-5);
            projection = Linear.of(p.at("ff.net.0.proj"), width, 2 * inner);
            out = Linear.of(p.at("ff.net.2"), inner, width);
        }

        Tensor apply(Tensor x, Inputs inputs) { // (b, h w, c)
            Tensor y = TensorScope.scopedTensor(() -> {
                Tensor normed = norm1.apply(x);
                return x.add(selfAttention.apply(normed, normed));
            });
            Tensor z = TensorScope.scopedTensor(
                    () -> y.add(crossAttention.apply(norm2.apply(y), inputs.text(), inputs.imagePrompts(number))));
            return TensorScope.scopedTensor(() -> z.add(feedForward(norm3.apply(z))));
        }

        private Tensor feedForward(Tensor x) { // GEGLU, Shazeer 2020
            Tensor both = projection.apply(x); // (b, h w, 2 inner)
            Tensor gate = Activation.GELU.apply(both.narrow(-1, inner, inner));
            return out.apply(both.narrow(-1, 0, inner).mul(gate)); // (b, h w, c)
        }
    }
}
