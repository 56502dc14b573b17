package org.deltasampling.model.unet;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.model.ImageTokens;
import org.deltasampling.nn.DecoupledAttention;

/**
 * What the blocks of a network read beside the image's hidden states.
 *
 * @param time embedding, (b or 1, timeWidth)
 * @param text embedding, (b, t, contextWidth)
 */
record Inputs(Tensor time, Tensor text, List<ImageTokens> imageTokens) {

    /** What attention {@code layer} to the text attends to as well. */
    List<DecoupledAttention> imagePrompts(int layer) {
        return imageTokens.isEmpty()
                ? List.of()
                : imageTokens.stream().map(prompt -> prompt.layers().get(layer)).toList();
    }
}
