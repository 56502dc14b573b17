package org.deltasampling.nn;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** Scaled dot-product attention, without projections. */
public final class DotProduct {

    private DotProduct() {}

    /** x (b, n, heads d) to (b, heads, n, d). */
    public static Tensor heads(Tensor x, long heads) {
        return x.view(x.size(0), x.size(1), heads, x.size(2) / heads).transpose(1, 2);
    }

    /** softmax(Q K^T / sqrt(d)) V: q (b, heads, tokens, d), k and v (b, heads, others, d) to (b, tokens, heads d). */
    public static Tensor attend(Tensor q, Tensor k, Tensor v) {
        return attend(q, k, v, null);
    }

    /** The same with {@code bias} added to the scores: (1, 1, 1, others), or any shape that broadcasts to theirs. */
    public static Tensor attend(Tensor q, Tensor k, Tensor v, @Nullable Tensor bias) {
        return attend(q, k, v, bias, false, new DoubleOptional());
    }

    /** The same where each token attends to itself and its predecessors only. */
    static Tensor attendCausally(Tensor q, Tensor k, Tensor v) {
        return attend(q, k, v, null, true, new DoubleOptional());
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
