package org.deltasampling.model.unet;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.nn.DecoupledAttention;

/**
 * What the blocks of a network read beside the image's hidden states.
 *
 * @param time embedding, (b or 1, timeWidth)
 * @param text embedding, (b, t, contextWidth)
 */
record Inputs(Tensor time, Tensor text, List<List<DecoupledAttention>> imageLayers) {

    /** What attention {@code layer} to the text attends to as well. */
    List<DecoupledAttention> imagePrompts(int layer) {
        return imageLayers.isEmpty()
                ? List.of()
                : imageLayers.stream().map(layers -> layers.get(layer)).toList();
    }
}
