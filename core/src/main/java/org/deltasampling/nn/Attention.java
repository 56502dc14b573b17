package org.deltasampling.nn;

import org.bytedeco.openblas.global.openblas;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.TensorScope;

/** Multi-head attention: softmax(Q K^T / sqrt(d)) V with Q from {@code x}, K and V from {@code context}. */
public record Attention(Linear query, Linear key, Linear value, Linear out, long heads) {

    static {
        // libtorch calls BLAS from each of its own threads inside attention; more threads there fight over the cores
        try (TensorScope scope = TensorScope.open()) { // for what loading the library leaves behind
            openblas.blas_set_num_threads(1);
        }
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

    private Tensor apply(Tensor x, Tensor context, boolean causal) {
        Tensor q = heads(query.apply(x), heads); // (b, heads, tokens, d)
        Tensor k = heads(key.apply(context), heads); // (b, heads, others, d)
        Tensor v = heads(value.apply(context), heads); // (b, heads, others, d)
        return out.apply(attend(q, k, v, new TensorOptional(), causal, new DoubleOptional())); // (b, tokens, width)
    }

    /** x (b, n, heads d) to (b, heads, n, d). */
    public static Tensor heads(Tensor x, long heads) {
        return x.view(x.size(0), x.size(1), heads, x.size(2) / heads).transpose(1, 2);
    }

    /** The attention alone: q (b, heads, tokens, d), k and v (b, heads, others, d) to (b, tokens, heads d). */
    public static Tensor attend(Tensor q, Tensor k, Tensor v) {
        return attend(q, k, v, new TensorOptional(), false, new DoubleOptional());
    }

    /** The same with {@code bias} added to the scores: (1, 1, 1, others), float32, or any shape that becomes theirs. */
    public static Tensor attend(Tensor q, Tensor k, Tensor v, Tensor bias) {
        return attend(q, k, v, new TensorOptional(bias), false, new DoubleOptional());
    }

    /** softmax(Q K^T + bias) V, not divided by sqrt(d): T5's; bias (1, heads, tokens, others), float32. */
    public static Tensor attendBiased(Tensor q, Tensor k, Tensor v, Tensor bias) {
        return attend(q, k, v, new TensorOptional(bias), false, new DoubleOptional(1.0));
    }

    /** Scores in float32 whatever the weights are: libtorch's bfloat16 attention is a naive loop on the CPU. */
    private static Tensor attend(
            Tensor q, Tensor k, Tensor v, TensorOptional bias, boolean causal, DoubleOptional scale) {
        Tensor y = torch.scaled_dot_product_attention(
                q.to(torch.ScalarType.Float),
                k.to(torch.ScalarType.Float),
                v.to(torch.ScalarType.Float),
                bias,
                0,
                causal,
                scale,
                false); // (b, heads, tokens, d)
        return y.transpose(1, 2).flatten(2, 3).to(q.scalar_type()); // (b, tokens, heads d)
    }
}
