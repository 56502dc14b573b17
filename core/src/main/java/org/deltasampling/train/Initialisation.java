package org.deltasampling.train;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Initial values by diffusers' names: norms 1 and 0, embeddings normal, what adds to a residual stream or to a weight zero,
 * everything else uniform within 1 / sqrt(inputs), as PyTorch's layers are.
 *
 * @param shapes of all parameters, by name: a bias is initialised by its weight's
 */
record Initialisation(Map<String, long[]> shapes) {

    /** The modulations of a transformer's blocks, zero at first (Peebles and Xie 2023, section 3.2). */
    private static final List<String> MODULATIONS =
            List.of("norm1.linear.", "norm1_context.linear.", "norm_out.linear.");

    /** Sets {@code parameter}, which is zero, by libtorch's generator. */
    void apply(String name, Tensor parameter) {
        if (name.endsWith("embedding.weight")) {
            parameter.normal_().mul_(new Scalar(0.02));
            return;
        }
        if (name.endsWith("pos_embed.pos_embed")) {
            parameter.normal_().mul_(new Scalar(0.5));
            return;
        }
        if (name.endsWith(LowRankAdaptation.UP) || MODULATIONS.stream().anyMatch(name::contains)) {
            return;
        }
        boolean bias = name.endsWith(".bias");
        long[] weight = shapes.get(bias ? name.substring(0, name.length() - "bias".length()) + "weight" : name);
        if (weight == null || weight.length == 1) {
            parameter.fill_(new Scalar(bias ? 0.0 : 1.0));
            return;
        }
        double count = Arrays.stream(weight).reduce(1, (a, b) -> a * b);
        double bound = Math.sqrt(weight[0] / count);
        parameter.copy_(torch.rand(shapes.get(name)).mul_(new Scalar(2 * bound)).sub_(new Scalar(bound)));
    }
}
