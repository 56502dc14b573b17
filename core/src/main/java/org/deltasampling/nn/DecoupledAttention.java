package org.deltasampling.nn;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * Attention to an image prompt, whose result is added to that of an attention layer before its output projection
 * (IP-Adapter, Ye et al. 2023, equation 5).
 *
 * @param keys of the image prompt, (batch, heads, tokens, d)
 * @param values of the image prompt, shaped as {@code keys}
 * @param scale that the result is multiplied by
 * @param queryNorm normalizes the layer's queries first; null: they are taken as they are
 * @param keyNorm the same for the layer's own keys, for {@link #addTo(Tensor, Tensor, Tensor, Tensor)}
 */
public record DecoupledAttention(
        Tensor keys,
        Tensor values,
        double scale,
        @Nullable RmsNorm queryNorm,
        @Nullable RmsNorm keyNorm) {

    /** Without norms. */
    public DecoupledAttention(Tensor keys, Tensor values, double scale) {
        this(keys, values, scale, null, null);
    }

    /** The prompt's tokens (batch, tokens, width) by projections of its own, for a layer of {@code heads}. */
    public static DecoupledAttention of(Tensor tokens, Linear key, Linear value, long heads, double scale) {
        return new DecoupledAttention(
                DotProduct.heads(key.apply(tokens), heads), DotProduct.heads(value.apply(tokens), heads), scale);
    }

    /** {@code attended} (b, n, heads d) and the attention of {@code query} (b, heads, n, d) to the image prompt. */
    public Tensor addTo(Tensor attended, Tensor query) {
        return added(attended, query, keys, values);
    }

    /** The same where the queries attend to the layer's own keys and values too, as in transformers of SD-3. */
    public Tensor addTo(Tensor attended, Tensor query, Tensor ownKeys, Tensor ownValues) {
        return added(
                attended,
                query,
                torch.cat(new TensorVector(normed(keyNorm, ownKeys), keys.to(query.scalar_type())), 2),
                torch.cat(new TensorVector(ownValues, values.to(query.scalar_type())), 2));
    }

    private Tensor added(Tensor attended, Tensor query, Tensor k, Tensor v) {
        return scale == 0
                ? attended
                : attended.add(DotProduct.attend(normed(queryNorm, query), k, v), new Scalar(scale));
    }

    private static Tensor normed(@Nullable RmsNorm norm, Tensor x) {
        return norm == null ? x : norm.apply(x);
    }
}
