package org.deltasampling.train;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.adapter.LowRank;
import org.deltasampling.nn.Parameters;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;

/**
 * A LoRA in training (Hu et al. 2021): W + B A for linear and convolution layers of a denoising network, A (rank, in) and B
 * (out, rank), which starts at zero. Alpha equals the rank, so that the factor alpha / rank is 1. A and B are named as in
 * kohya's files.
 */
public final class LowRankAdaptation {

    /** What B's names end in. */
    static final String UP = ".lora_up.weight";

    private static final String DOWN = ".lora_down.weight";
    private static final String WEIGHT = ".weight";

    private final WeightSource base;
    private final int rank;
    private final Map<String, long[]> adapted = new LinkedHashMap<>();

    /**
     * @param base the model's weights, the denoising network's under unet. or transformer.; must outlive it
     * @param layers which layers of the denoising network are adapted, by name, such as unet.mid_block.attentions.0.proj_in;
     *     of those, the ones whose weights have two or more dimensions are
     */
    public LowRankAdaptation(WeightSource base, Predicate<String> layers, int rank) {
        this.base = base;
        this.rank = rank;
        for (String name : base.names()) {
            long[] shape = base.info(name).shape();
            if (name.endsWith(WEIGHT) && shape.length > 1 && layers.test(layer(name))) {
                adapted.put(layer(name), shape);
            }
        }
    }

    /** Declares A and B of every adapted layer. */
    public void declare(Parameters p) {
        adapted.forEach((layer, shape) -> {
            down(p, layer, shape);
            up(p, layer, shape);
        });
    }

    /** The adapted model's parameters, given A and B; adapted weights are computed each time they are asked for. */
    public Parameters over(Parameters factors) {
        return (name, shape) -> {
            Tensor weight = base.load(name);
            return name.endsWith(WEIGHT) && adapted.containsKey(layer(name))
                    ? LowRank.merge(weight, down(factors, layer(name), shape), up(factors, layer(name), shape), 1)
                    : weight;
        };
    }

    /** What a file of the adapter holds: A and B from {@code factors}, and each layer's alpha; owned by the current scope. */
    public WeightSource file(WeightSource factors) {
        Map<String, Tensor> all = new LinkedHashMap<>();
        factors.names().forEach(name -> all.put(name, factors.load(name)));
        adapted.keySet().forEach(layer -> all.put(kohya(layer) + ".alpha", torch.scalar_tensor(new Scalar(rank))));
        return WeightSources.of(all);
    }

    private static String layer(String weight) {
        return weight.substring(0, weight.length() - WEIGHT.length());
    }

    private Tensor down(Parameters p, String layer, long[] shape) {
        long[] down = shape.clone();
        down[0] = rank;
        return p.get(kohya(layer) + DOWN, down);
    }

    private Tensor up(Parameters p, String layer, long[] shape) {
        return shape.length == 4
                ? p.get(kohya(layer) + UP, shape[0], rank, 1, 1)
                : p.get(kohya(layer) + UP, shape[0], rank);
    }

    /** unet.down_blocks.0 becomes lora_unet_down_blocks_0. */
    private static String kohya(String layer) {
        return "lora_" + layer.replace('.', '_');
    }
}
