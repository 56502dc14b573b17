package org.deltasampling.nn;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

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
        Tensor q = DotProduct.heads(query.apply(x), heads); // (b, heads, tokens, d)
        Tensor k = DotProduct.heads(key.apply(context), heads);
        Tensor v = DotProduct.heads(value.apply(context), heads);
        Tensor y = DotProduct.attend(q, k, v);
        for (DecoupledAttention prompt : imagePrompts) {
            y = prompt.addTo(y, q); // (b, tokens, width)
        }
        return out.apply(y);
    }

    /** Each token attends to itself and its predecessors only; x (b, tokens, width) to the same shape. */
    public Tensor causal(Tensor x) {
        return out.apply(DotProduct.attendCausally(
                DotProduct.heads(query.apply(x), heads),
                DotProduct.heads(key.apply(x), heads),
                DotProduct.heads(value.apply(x), heads)));
    }
}
