package org.deltasampling.nn;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Normalizes groups of neighbouring channels over the whole image; weight and bias (channels). */
public record GroupNorm(Tensor weight, Tensor bias, Groups groups) {

    /**
     * What a network's group norms have in common.
     *
     * @param count groups that the channels are divided into
     * @param eps added to the variance
     */
    public record Groups(long count, double eps) {}

    /** Throws {@link org.deltasampling.weights.BadWeightsException} if the channels cannot be divided into the groups. */
    public static GroupNorm of(Parameters p, long channels, Groups groups) {
        Division.require(channels, "channels", groups.count, "groups");
        return new GroupNorm(p.get("weight", channels), p.get("bias", channels), groups);
    }

    /** x (batch, channels, height, width) to the same shape. */
    public Tensor apply(Tensor x) {
        return torch.group_norm(
                x, groups.count, new TensorOptional(weight), new TensorOptional(bias), groups.eps, true);
    }
}
