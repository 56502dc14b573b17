package org.deltasampling.model.unet;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.deltasampling.file.Quoted;
import org.deltasampling.model.Settings;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.GroupNorm;
import org.deltasampling.nn.SinusoidalEmbedding;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightSource;
import org.jspecify.annotations.Nullable;

/**
 * The form of the first half of a UNet, which a ControlNet has too.
 *
 * @param levels from the finest to the coarsest
 * @param resnets resnet blocks in each down block
 * @param contextWidth width of the text embedding
 * @param linearProjection whether transformers project in and out by (c, c) weights rather than (c, c, 1, 1)
 * @param groups of its group norms, those in transformers apart, whose eps is 1e-6
 * @param added what XL reads beside the timestep; null: nothing
 */
public record EncoderConfig(
        long inChannels,
        List<Level> levels,
        long resnets,
        long contextWidth,
        boolean linearProjection,
        GroupNorm.Groups groups,
        SinusoidalEmbedding sinusoids,
        @Nullable AddedEmbedding added) {

    static final String ADDED = "add_embedding";

    /** Height and width of the original, top and left of the crop, height and width of the image. */
    private static final int SIZES = 6;

    /** Of every published XL. */
    private static final long SIZE_WIDTH = 256;

    private static final GroupNorm.Groups GROUPS = new GroupNorm.Groups(32, 1e-5);

    private static final SinusoidalEmbedding SINUSOIDS = new SinusoidalEmbedding(true, 0);

    public EncoderConfig {
        levels = List.copyOf(levels);
    }

    /**
     * One resolution.
     *
     * @param channels of its hidden states
     * @param attention whether its down block has transformers
     * @param depth transformer blocks in each of its transformers; the last level's is also the middle's
     * @param heads attention heads; the last level's are also the middle's
     */
    public record Level(long channels, boolean attention, long depth, long heads) {}

    /**
     * The pooled text and six sizes of the image.
     *
     * @param pooledWidth of the pooled text
     * @param sizeWidth of the sinusoidal embedding of each size
     */
    public record AddedEmbedding(long pooledWidth, long sizeWidth) {

        /** Of all that it embeds, side by side. */
        public long width() {
            return pooledWidth + SIZES * sizeWidth;
        }
    }

    /**
     * From diffusers' config.json. Values that would change the answer and are not implemented are refused. What diffusers
     * calls {@code attention_head_dim} is the number of heads (diffusers issue 2011).
     *
     * @throws BadWeightsException with the key and why
     */
    static EncoderConfig read(Settings s) {
        s.require("act_fn", "silu", "swish");
        s.require("mid_block_type", "UNetMidBlock2DCrossAttn");
        s.require("resnet_time_scale_shift", "default");
        s.require("time_embedding_type", "positional");
        s.require("attention_type", "default");
        for (String one : List.of("mid_block_scale_factor", "resnet_out_scale_factor", "downsample_padding")) {
            s.require(one, "1", "1.0");
        }
        for (String three : List.of("conv_in_kernel", "conv_out_kernel")) {
            s.require(three, "3");
        }
        for (String off : List.of(
                "center_input_sample",
                "only_cross_attention",
                "mid_block_only_cross_attention",
                "dual_cross_attention",
                "resnet_skip_time_act",
                "class_embeddings_concat")) {
            s.require(off, "false");
        }
        for (String absent : List.of(
                "num_attention_heads",
                "reverse_transformer_layers_per_block",
                "encoder_hid_dim",
                "encoder_hid_dim_type",
                "class_embed_type",
                "num_class_embeds",
                "time_embedding_dim",
                "time_embedding_act_fn",
                "timestep_post_act",
                "time_cond_proj_dim",
                "cross_attention_norm")) {
            s.require(absent);
        }
        return new EncoderConfig(
                s.count("in_channels", 4),
                levels(s),
                s.count("layers_per_block", 2),
                s.count("cross_attention_dim", 1280),
                s.flag("use_linear_projection", false),
                new GroupNorm.Groups(s.count("norm_num_groups", 32), s.positive("norm_eps", 1e-5)),
                new SinusoidalEmbedding(s.flag("flip_sin_to_cos", true), s.number("freq_shift", 0)),
                added(s));
    }

    private static List<Level> levels(Settings s) {
        List<Long> channels = s.counts("block_out_channels", List.of(320L, 640L, 1280L, 1280L));
        int count = channels.size();
        List<Boolean> attention = attention(
                s,
                "down_block_types",
                List.of("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
                "DownBlock2D",
                "CrossAttnDownBlock2D",
                count);
        List<Long> depth = s.perLevel("transformer_layers_per_block", 1, count);
        List<Long> heads = s.perLevel("attention_head_dim", 8, count);
        List<Level> levels = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            levels.add(new Level(channels.get(i), attention.get(i), depth.get(i), heads.get(i)));
        }
        return levels;
    }

    private static @Nullable AddedEmbedding added(Settings s) {
        s.require("addition_embed_type", "text_time");
        if (s.text("addition_embed_type", "").isEmpty()) {
            return null;
        }
        long sizeWidth = s.count("addition_time_embed_dim", SIZE_WIDTH);
        long width = s.count("projection_class_embeddings_input_dim", 1);
        if (width <= SIZES * sizeWidth) {
            throw s.refused(
                    "projection_class_embeddings_input_dim",
                    "is %d, which leaves no room for a pooled text beside %d sizes of addition_time_embed_dim %d"
                            .formatted(width, SIZES, sizeWidth));
        }
        return new AddedEmbedding(width - SIZES * sizeWidth, sizeWidth);
    }

    /** Which of as many blocks as levels have transformers. */
    static List<Boolean> attention(
            Settings s, String key, List<String> otherwise, String plain, String crossed, int levels) {
        List<Boolean> found = new ArrayList<>();
        for (String type : s.texts(key, otherwise)) {
            if (!type.equals(plain) && !type.equals(crossed)) {
                throw s.refused(
                        key,
                        "has %s, which is not implemented (only %s and %s are)"
                                .formatted(Quoted.of(type), plain, crossed));
            }
            found.add(type.equals(crossed));
        }
        if (found.size() != levels) {
            throw s.refused(key, "has %d values where block_out_channels has %d".formatted(found.size(), levels));
        }
        return found;
    }

    /**
     * From the shapes of a file without a config; names are canonical. The number of heads leaves no trace in the
     * shapes: transformers that project by 1x1 convolutions have 8 heads, as SD-1 does, those that project linearly
     * have 64 channels a head, as SD-2 and XL do. Group norms have 32 groups. Each size's embedding is 256 wide.
     */
    static EncoderConfig infer(WeightSource weights) {
        int count = Shapes.countAtLeastOne(weights, "down_blocks.{i}.resnets.0.conv1.weight");
        String middle = "mid_block.attentions.0.";
        boolean linear = weights.info(middle + "proj_in.weight").shape().length == 2;
        List<Level> levels = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String block = "down_blocks." + i;
            String blocks = (i == count - 1 ? "mid_block" : block) + ".attentions.0.transformer_blocks.";
            long channels = Shapes.of(weights, block + ".resnets.0.conv1.weight", 4)[0];
            levels.add(new Level(
                    channels,
                    weights.names().contains(block + ".attentions.0.norm.weight"),
                    Math.max(1, Shapes.count(weights, blocks + "{i}.attn1.to_q.weight")),
                    linear ? Math.max(1, channels / 64) : 8));
        }
        return new EncoderConfig(
                Shapes.of(weights, "conv_in.weight", 4)[1],
                levels,
                Shapes.countAtLeastOne(weights, "down_blocks.0.resnets.{i}.conv1.weight"),
                Shapes.of(weights, middle + "transformer_blocks.0.attn2.to_k.weight", 2)[1],
                linear,
                GROUPS,
                SINUSOIDS,
                inferredAdded(weights));
    }

    private static @Nullable AddedEmbedding inferredAdded(WeightSource weights) {
        String weight = ADDED + ".linear_1.weight";
        if (!weights.names().contains(weight)) {
            return null;
        }
        long pooledWidth = Shapes.of(weights, weight, 2)[1] - SIZES * SIZE_WIDTH;
        if (pooledWidth < 1) {
            throw new BadWeightsException(
                    "%s is too narrow for a pooled text beside the image's sizes".formatted(weight));
        }
        return new AddedEmbedding(pooledWidth, SIZE_WIDTH);
    }

    /** The channels of all skip connections, in the order in which the down blocks make them. */
    public List<Long> skips() {
        List<Long> skips = new ArrayList<>(List.of(channels(0)));
        for (int level = 0; level <= last(); level++) {
            skips.addAll(Collections.nCopies((int) resnets, channels(level)));
            if (level < last()) {
                skips.add(channels(level));
            }
        }
        return skips;
    }

    int last() {
        return levels.size() - 1;
    }

    long channels(int level) {
        return levels.get(level).channels;
    }

    long timeWidth() {
        return 4 * channels(0);
    }
}
