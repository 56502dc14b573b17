package org.deltasampling.nn;

import java.util.List;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** Multi-head attention: softmax(Q K^T / sqrt(d)) V with Q from {@code x}, K and V from {@code context}. */
public record Attention(Linear query, Linear key, Linear value, Linear out, long heads) {

    /** diffusers' names: to_q, to_k, to_v without bias, to_out.0 with one. */
    public static Attention withoutBias(Parameters p, long width, long contextWidth, long heads) {
        Division.require(width, "channels", heads, "heads");
        return new Attention(
                Linear.withoutBias(p.at("to_q"), width, width),
                Linear.withoutBias(p.at("to_k"), contextWidth, width),
                Linear.withoutBias(p.at("to_v"), contextWidth, width),
                Linear.of(p.at("to_out.0"), width, width),
                heads);
    }

    /** diffusers' names: to_q, to_k, to_v and to_out.0, each with a bias. */
    public static Attention withBias(Parameters p, long width, long heads) {
        return withBias(p, width, heads, List.of("to_q", "to_k", "to_v", "to_out.0"));
    }

    /**
     * Each with a bias.
     *
     * @param names of the projections to queries, keys and values, and of the output's
     */
    public static Attention withBias(Parameters p, long width, long heads, List<String> names) {
        Division.require(width, "channels", heads, "heads");
        return new Attention(
                Linear.of(p.at(names.get(0)), width, width),
                Linear.of(p.at(names.get(1)), width, width),
                Linear.of(p.at(names.get(2)), width, width),
                Linear.of(p.at(names.get(3)), width, width),
                heads);
    }

    /** x (b, tokens, width), context (b, others, contextWidth) to (b, tokens, width). */
    public Tensor apply(Tensor x, Tensor context) {
        return apply(x, context, List.of());
    }

    /** The same with the attention to image prompts added before the output projection. */
    public Tensor apply(Tensor x, Tensor context, List<DecoupledAttention> imagePrompts) {
        Tensor q = heads(query.apply(x), heads); // (b, heads, tokens, d)
        Tensor y = attend(q, heads(key.apply(context), heads), heads(value.apply(context), heads));
        for (DecoupledAttention prompt : imagePrompts) {
            y = prompt.addTo(y, q); // (b, tokens, width)
        }
        return out.apply(y);
    }

    /** Each token attends to itself and its predecessors only; x (b, tokens, width) to the same shape. */
    public Tensor causal(Tensor x) {
        Tensor q = heads(query.apply(x), heads);
        Tensor k = heads(key.apply(x), heads);
        return out.apply(attend(q, k, heads(value.apply(x), heads), null, true, new DoubleOptional()));
    }

    /** x (b, n, heads d) to (b, heads, n, d). */
    public static Tensor heads(Tensor x, long heads) {
        return x.view(x.size(0), x.size(1), heads, x.size(2) / heads).transpose(1, 2);
    }

    /** The attention alone: q (b, heads, tokens, d), k and v (b, heads, others, d) to (b, tokens, heads d). */
    public static Tensor attend(Tensor q, Tensor k, Tensor v) {
        return attend(q, k, v, null);
    }

    /** The same with {@code bias} added to the scores: (1, 1, 1, others), or any shape that broadcasts to theirs. */
    public static Tensor attend(Tensor q, Tensor k, Tensor v, @Nullable Tensor bias) {
        return attend(q, k, v, bias, false, new DoubleOptional());
    }

    /** softmax(Q K^T + bias) V, not divided by sqrt(d): T5's; bias (1, heads, tokens, others). */
    public static Tensor attendUnscaled(Tensor q, Tensor k, Tensor v, Tensor bias) {
        return attend(q, k, v, bias, false, new DoubleOptional(1.0));
    }

    private static Tensor attend(
            Tensor q, Tensor k, Tensor v, @Nullable Tensor bias, boolean causal, DoubleOptional scale) {
        torch.ScalarType precision = precision(q);
        Tensor y = torch.scaled_dot_product_attention(
                q.to(precision),
                k.to(precision),
                v.to(precision),
                bias == null ? new TensorOptional() : new TensorOptional(bias.to(precision)),
                0,
                causal,
                scale,
                false); // (b, heads, tokens, d)
        return y.transpose(1, 2).flatten(2, 3).to(q.scalar_type()); // (b, tokens, heads d)
    }

    /**
     * What attention computes in: the queries' own precision on a GPU, which has fused kernels for it; float32 on the
     * processor, where libtorch's attention in bfloat16 is a naive loop.
     */
    private static torch.ScalarType precision(Tensor q) {
        return q.is_cuda() ? q.scalar_type() : torch.ScalarType.Float;
    }
}
