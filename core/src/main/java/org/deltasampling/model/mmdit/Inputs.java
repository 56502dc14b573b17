package org.deltasampling.model.mmdit;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Residuals;
import org.deltasampling.nn.DecoupledAttention;
import org.jspecify.annotations.Nullable;

/**
 * What its blocks read beside both streams.
 *
 * @param n patches of the image
 * @param embedding of time and pooled text, after its activation, (b, d)
 * @param bias what is added to the scores of keys; null: nothing
 */
record Inputs(
        long n,
        Tensor embedding,
        @Nullable Tensor bias,
        @Nullable Residuals residuals,
        List<List<DecoupledAttention>> imageLayers) {

    /**
     * What is added to the scores of {@code keys} keys of which the last stands for {@code copies} equal ones: exp(score)
     * counts as often as it is there, (1, 1, 1, keys), where {@code x} is; null where nothing is added.
     */
    static @Nullable Tensor bias(long keys, long copies, Tensor x) {
        if (copies == 1) {
            return null;
        }
        float[] added = new float[Math.toIntExact(keys)];
        added[added.length - 1] = (float) Math.log((double) copies);
        return Tensor.create(added, 1, 1, 1, keys).to(x.device(), torch.ScalarType.Float);
    }
}
