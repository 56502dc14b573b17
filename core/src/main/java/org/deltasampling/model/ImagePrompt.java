package org.deltasampling.model;

import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.nn.DecoupledAttention;

/**
 * One or several images that a network attends to beside the text (IP-Adapter, Ye et al. 2023). The first axis of each of its
 * tensors is the batch.
 */
public interface ImagePrompt {

    /**
     * What each attention layer that reads the text attends to as well, in the order in which the network runs them: down blocks,
     * middle block, up blocks of a UNet (its {@code attn2}); all blocks of a transformer. Norms are where the network's weights
     * are.
     *
     * @param timesteps as {@link Backbone#predict} takes them
     */
    List<DecoupledAttention> layers(Tensor timesteps);

    /** The same of other tensors, each made from one of these. */
    ImagePrompt map(UnaryOperator<Tensor> change);

    /** Each tensor of this and of {@code other}, which is {@link #alike}, in its place, by {@code both}. */
    ImagePrompt combine(ImagePrompt other, BinaryOperator<Tensor> both);

    /** Whether both are of one adapter, with one weight and of the same number of tokens. */
    boolean alike(ImagePrompt other);
}
