package org.deltasampling.model.mmdit;

import org.bytedeco.pytorch.Tensor;
import org.deltasampling.nn.Linear;
import org.jspecify.annotations.Nullable;

/** The modulations of one stream in a block; a second attention has only the image of dual blocks. */
record Modulations(
        Modulation attention,
        Modulation feedForward,
        @Nullable Modulation secondAttention) {

    static Modulations of(Linear linear, Tensor embedding) {
        Tensor chunks = linear.apply(embedding).unsqueeze(1); // (b, 1, 6 d) or (b, 1, 9 d)
        long width = linear.weight().size(1);
        return new Modulations(
                Modulation.gated(chunks, 0, width),
                Modulation.gated(chunks, 3, width),
                chunks.size(2) == 9 * width ? Modulation.gated(chunks, 6, width) : null);
    }
}
