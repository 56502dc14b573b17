package org.deltasampling.lab;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.adapter.LowRank;
import org.deltasampling.nn.Parameters;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;

/**
 * A low-rank change of a model in training (Hu et al. 2021): W + B A for every linear and convolution weight inside the
 * UNet's blocks, B (out, rank) starting at zero. The rank is also alpha, so that the factor alpha / rank is 1.
 */
final class LowRankUpdate {

    static final int RANK = 8;

    private static final String DOWN = ".lora_down.weight";
    private static final String UP = ".lora_up.weight";

    private final WeightSource base;
    private final Map<String, long[]> changed = new LinkedHashMap<>();

    /** @param base the UNet's weights and the text encoder's, under unet. and text_encoder. */
    LowRankUpdate(WeightSource base) {
        this.base = base;
        for (String name : base.names()) {
            long[] shape = base.info(name).shape();
            if (name.matches("unet\\.(down_blocks|mid_block|up_blocks)\\..*\\.weight") && shape.length > 1) {
                changed.put(name.substring(0, name.length() - ".weight".length()), shape);
            }
        }
    }

    /** Declares A and B of every layer under the names of kohya's files. */
    void declare(Parameters p) {
        changed.forEach((layer, shape) -> {
            down(p, layer, shape);
            up(p, layer, shape);
        });
    }

    /** All of {@code update} with kohya's alpha beside each A and B. */
    WeightSource withAlphas(WeightSource update) {
        Map<String, Tensor> all = new LinkedHashMap<>();
        update.names().forEach(name -> all.put(name, update.load(name)));
        changed.keySet().forEach(layer -> all.put(kohya(layer) + ".alpha", torch.scalar_tensor(new Scalar(RANK))));
        return WeightSources.of(all);
    }

    /** The changed model's parameters; what is changed is computed anew at each asking. */
    Parameters over(Parameters update) {
        return (name, shape) -> {
            Tensor weight = base.load(name);
            String layer = name.substring(0, name.lastIndexOf('.'));
            if (!changed.containsKey(layer) || !name.endsWith(".weight")) {
                return weight;
            }
            return LowRank.merge(weight, down(update, layer, shape), up(update, layer, shape), 1);
        };
    }

    private static Tensor down(Parameters p, String layer, long[] shape) {
        long[] down = shape.clone();
        down[0] = RANK;
        return p.get(kohya(layer) + DOWN, down);
    }

    private static Tensor up(Parameters p, String layer, long[] shape) {
        return shape.length == 4
                ? p.get(kohya(layer) + UP, shape[0], RANK, 1, 1)
                : p.get(kohya(layer) + UP, shape[0], RANK);
    }

    /** unet.down_blocks.0 becomes lora_unet_down_blocks_0. */
    private static String kohya(String layer) {
        return "lora_" + layer.replace('.', '_');
    }

    /** Whether {@code name} is a B, which starts at zero. */
    static boolean startsAtZero(String name) {
        return name.endsWith(UP);
    }
}
