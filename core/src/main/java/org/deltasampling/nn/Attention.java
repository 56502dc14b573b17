package org.deltasampling.nn;

import org.bytedeco.openblas.global.openblas;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Multi-head attention: softmax(Q K^T / sqrt(d)) V with Q from {@code x}, K and V from {@code context}. */
public record Attention(Linear query, Linear key, Linear value, Linear out, long heads) {

    static {
        // libtorch calls BLAS from each of its own threads inside attention; more threads there fight over the cores
        openblas.blas_set_num_threads(1);
    }

    /** diffusers' names: to_q, to_k, to_v without bias, to_out.0 with one. */
    public static Attention withoutBias(Parameters p, long width, long contextWidth, long heads) {
        return new Attention(
                Linear.withoutBias(p.at("to_q"), width, width),
                Linear.withoutBias(p.at("to_k"), contextWidth, width),
                Linear.withoutBias(p.at("to_v"), contextWidth, width),
                Linear.of(p.at("to_out.0"), width, width),
                heads);
    }

    /** diffusers' names: to_q, to_k, to_v and to_out.0, each with a bias. */
    public static Attention withBias(Parameters p, long width, long heads) {
        return new Attention(
                Linear.of(p.at("to_q"), width, width),
                Linear.of(p.at("to_k"), width, width),
                Linear.of(p.at("to_v"), width, width),
                Linear.of(p.at("to_out.0"), width, width),
                heads);
    }

    /** x (b, tokens, width), context (b, others, contextWidth) to (b, tokens, width). */
    public Tensor apply(Tensor x, Tensor context) {
        return apply(x, context, false);
    }

    /** Each token sees itself and its predecessors only; x (b, tokens, width) to the same shape. */
    public Tensor causal(Tensor x) {
        return apply(x, x, true);
    }

    /** Scores in float32 whatever the weights are: libtorch's bfloat16 attention is a naive loop on the CPU. */
    private Tensor apply(Tensor x, Tensor context, boolean causal) {
        Tensor q = split(query.apply(x)); // (b, heads, tokens, d)
        Tensor k = split(key.apply(context)); // (b, heads, others, d)
        Tensor v = split(value.apply(context)); // (b, heads, others, d)
        Tensor y = torch.scaled_dot_product_attention(
                q.to(torch.ScalarType.Float),
                k.to(torch.ScalarType.Float),
                v.to(torch.ScalarType.Float),
                new TensorOptional(),
                0,
                causal,
                new DoubleOptional(),
                false); // (b, heads, tokens, d)
        return out.apply(y.transpose(1, 2).flatten(2, 3).to(x.scalar_type())); // (b, tokens, width)
    }

    private Tensor split(Tensor x) { // (b, n, heads * d) to (b, heads, n, d)
        return x.view(x.size(0), x.size(1), heads, x.size(2) / heads).transpose(1, 2);
    }
}
