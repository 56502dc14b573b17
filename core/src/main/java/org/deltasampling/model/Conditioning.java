package org.deltasampling.model;

import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * All that a network is told besides x and t.
 *
 * @param tokens text embedding, (batch, tokens, width)
 * @param pooled the whole text in one vector, (batch, pooled width); null for networks that are not told it
 * @param sizes of the image that the network is to believe in, in pixels: height and width of the original, top and left
 *     of what was cropped from it, height and width of the image; (batch, 6), null for networks that are not told it
 * @param copies how many equal tokens the last one stands for
 */
public record Conditioning(
        Tensor tokens, @Nullable Tensor pooled, @Nullable Tensor sizes, long copies) {

    /** Text for a network that is told nothing else. */
    public Conditioning(Tensor tokens) {
        this(tokens, null, null);
    }

    /** Text for a network that is told nothing of the image's sizes. */
    public Conditioning(Tensor tokens, Tensor pooled) {
        this(tokens, pooled, null);
    }

    /** Every token stands for itself. */
    public Conditioning(Tensor tokens, @Nullable Tensor pooled, @Nullable Tensor sizes) {
        this(tokens, pooled, sizes, 1);
    }

    /** Zeros in place of the text: what diffusers' XL takes for no prompt at all. */
    public Conditioning zeroed() {
        return new Conditioning(
                torch.zeros_like(tokens), pooled == null ? null : torch.zeros_like(pooled), sizes, copies);
    }

    /** The same of other tensors, each made from one of these. */
    public Conditioning map(UnaryOperator<Tensor> change) {
        return new Conditioning(
                change.apply(tokens),
                pooled == null ? null : change.apply(pooled),
                sizes == null ? null : change.apply(sizes),
                copies);
    }

    /** The same for {@code images}: as it is, or if it is for one, repeated without copying. */
    Conditioning forBatch(long images) {
        return tokens.size(0) == images
                ? this
                : new Conditioning(
                        tokens.expand(images, tokens.size(1), tokens.size(2)),
                        pooled == null ? null : pooled.expand(images, pooled.size(1)),
                        sizes == null ? null : sizes.expand(images, sizes.size(1)),
                        copies);
    }

    /** Whether both can be told in one batch. */
    boolean fits(Conditioning other) {
        return tokens.size(1) == other.tokens.size(1) && copies == other.copies;
    }

    /** First the images of this, then those of {@code other}, which is for the same network. */
    Conditioning join(Conditioning other) {
        return new Conditioning(
                torch.cat(new TensorVector(tokens, other.tokens), 0),
                join(pooled, other.pooled),
                join(sizes, other.sizes),
                copies);
    }

    private static @Nullable Tensor join(@Nullable Tensor first, @Nullable Tensor second) {
        return first == null || second == null ? null : torch.cat(new TensorVector(first, second), 0);
    }
}
