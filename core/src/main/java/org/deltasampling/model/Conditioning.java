package org.deltasampling.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * All that a network is told besides x and t.
 *
 * @param tokens text embedding, (batch, tokens, width)
 */
public record Conditioning(Tensor tokens) {

    /** The same for {@code pictures}: as it is, or if it is for one, repeated without copying. */
    Conditioning forBatch(long pictures) {
        return tokens.size(0) == pictures
                ? this
                : new Conditioning(tokens.expand(pictures, tokens.size(1), tokens.size(2)));
    }

    /** Whether both can be told in one batch. */
    boolean fits(Conditioning other) {
        return tokens.size(1) == other.tokens.size(1);
    }

    /** First the pictures of this, then those of {@code other}. */
    Conditioning join(Conditioning other) {
        return new Conditioning(torch.cat(new TensorVector(tokens, other.tokens), 0));
    }
}
