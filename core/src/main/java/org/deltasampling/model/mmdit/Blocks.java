package org.deltasampling.model.mmdit;

import java.util.List;
import java.util.stream.LongStream;
import org.deltasampling.model.Settings;
import org.deltasampling.model.Shapes;
import org.deltasampling.weights.WeightSource;

/**
 * Its joint blocks.
 *
 * @param width of both streams
 * @param normedQueries whether queries and keys are normalized
 * @param dual numbers of the blocks with a second attention, of the image to itself
 */
public record Blocks(long count, long width, long heads, boolean normedQueries, List<Long> dual) {

    public Blocks {
        dual = List.copyOf(dual);
    }

    /**
     * From diffusers' config.json.
     *
     * @throws org.deltasampling.weights.BadWeightsException with the key and why
     */
    static Blocks read(Settings s) {
        s.require("qk_norm", "rms_norm");
        long heads = s.count("num_attention_heads", 18);
        long width = heads * s.count("attention_head_dim", 64);
        if (s.count("caption_projection_dim", 1152) != width) {
            throw s.refused("caption_projection_dim", "is not the width of the network, %d".formatted(width));
        }
        boolean normed = !s.text("qk_norm", "").isEmpty();
        return new Blocks(s.count("num_layers", 18), width, heads, normed, s.wholes("dual_attention_layers"));
    }

    /**
     * From the shapes of {@code count} blocks; names are canonical. The number of heads leaves a trace only where queries are
     * normalized; else a head has 64 channels, as in all published models.
     */
    static Blocks infer(WeightSource weights, int count, long width) {
        String norm = "transformer_blocks.0.attn.norm_q.weight";
        boolean normed = weights.names().contains(norm);
        long headWidth = normed ? Shapes.of(weights, norm, 1)[0] : Math.min(64, width);
        List<Long> dual = LongStream.range(0, count)
                .filter(i -> weights.names().contains(Shapes.name("transformer_blocks.{i}.attn2.to_q.weight", i)))
                .boxed()
                .toList();
        return new Blocks(count, width, Math.max(1, width / headWidth), normed, dual);
    }
}
