package org.deltasampling.model;

import java.util.HashMap;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.SeededNoise;

/** Random weights for a network, the same for the same name; norms start at 1. Owned by the region they are made in. */
public final class RandomParameters implements Parameters {

    private final Map<String, Tensor> all = new HashMap<>();
    private final SeededNoise noise = new SeededNoise(1);

    @Override
    public Tensor get(String name, long... shape) {
        return all.computeIfAbsent(
                name,
                key -> name.contains("norm") && name.endsWith("weight")
                        ? torch.ones(shape)
                        : noise.draw(shape).tensor().mul(new Scalar(0.3)));
    }
}
