package org.deltasampling.model.unet;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.Settings;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Attention;
import org.deltasampling.nn.Conv2d;
import org.deltasampling.nn.GroupNorm;
import org.deltasampling.nn.LayerNorm;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.ResnetBlock;
import org.deltasampling.nn.TimestepEmbedding;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.WeightSource;
import org.jspecify.annotations.Nullable;

/**
 * The denoising network of Stable Diffusion 1.x and 2.x (Rombach et al. 2022) and XL (Podell et al. 2023), with the
 * structure and names of diffusers' {@code UNet2DConditionModel}.
 *
 * <p>Shapes: b batch, c channels of the level, (h, w) its size, t text tokens. The network computes in the precision of
 * its weights and answers in that of its input.
 */
public final class UNet implements Backbone {

    /**
     * Widths, depths and heads, from the finest level to the coarsest.
     *
     * @param channels width of each level
     * @param attentionDown whether the down block of a level has transformers
     * @param attentionUp whether the up block of a level has transformers; by level, not in the order of running
     * @param resnets resnet blocks in each down block; an up block has one more
     * @param depth transformer blocks in each transformer of a level; the last also for the middle
     * @param heads attention heads of each level; the last also for the middle
     * @param contextWidth width of the text embedding
     * @param linearProjection whether transformers project in and out by (c, c) weights rather than (c, c, 1, 1)
     * @param pooledWidth width of the pooled text that XL is told beside the timestep, together with six sizes; 0: it is
     *     told neither
     * @param sizeWidth sines and cosines that each of the sizes becomes
     */
    public record Config(
            long inChannels,
            long outChannels,
            List<Long> channels,
            List<Boolean> attentionDown,
            List<Boolean> attentionUp,
            long resnets,
            List<Long> depth,
            List<Long> heads,
            long contextWidth,
            boolean linearProjection,
            long groups,
            double eps,
            boolean cosinesFirst,
            double frequencyShift,
            long pooledWidth,
            long sizeWidth)
            implements Backbone.Config {

        /** Height and width of the original, top and left of the crop, height and width of the image. */
        private static final int SIZES = 6;

        /** Of every published XL. */
        private static final long SIZE_WIDTH = 256;

        @Override
        public UNet network(Parameters parameters) {
            return new UNet(this, parameters);
        }

        /**
         * What the levels keep for the way up; and a finest transformer's feed-forward, whose halves are four times as wide
         * as it, or a finest resnet, which reads twice the width.
         */
        @Override
        public long working(long height, long width) {
            long kept = 0;
            long most = 0;
            for (int level = 0; level < levels(); level++) {
                long numbers = channels.get(level) * (height >> level) * (width >> level);
                kept += (resnets + 1) * numbers;
                most = Math.max(most, (attentionUp.get(level) ? 24 : 12) * numbers);
            }
            return kept + most;
        }

        /** Any size will do: a coarser level of an odd one is rounded up. */
        @Override
        public long patch() {
            return 1;
        }

        /**
         * From diffusers' config.json. Values that would change the answer and are not implemented are refused. What
         * diffusers calls {@code attention_head_dim} is the number of heads (diffusers issue 2011).
         *
         * @throws org.deltasampling.weights.BadWeightsException with the key and why
         */
        public static Config read(JsonNode json) {
            Settings s = new Settings("UNet", json);
            s.require("_class_name", "UNet2DConditionModel");
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
            s.require("addition_embed_type", "text_time");
            boolean told = !s.text("addition_embed_type", "").isEmpty();
            long sizeWidth = told ? s.whole("addition_time_embed_dim", SIZE_WIDTH) : 0;
            long toldWidth = told ? s.whole("projection_class_embeddings_input_dim", 0) : 0;
            if (told && toldWidth <= SIZES * sizeWidth) {
                throw s.refused(
                        "projection_class_embeddings_input_dim",
                        "is %d, which leaves no room for a pooled text beside %d sizes of addition_time_embed_dim %d"
                                .formatted(toldWidth, SIZES, sizeWidth));
            }
            List<Long> channels = s.wholes("block_out_channels", List.of(320L, 640L, 1280L, 1280L));
            int levels = channels.size();
            List<Boolean> up = attention(
                    s,
                    "up_block_types",
                    List.of("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
                    "UpBlock2D",
                    "CrossAttnUpBlock2D",
                    levels);
            Collections.reverse(up);
            return new Config(
                    s.whole("in_channels", 4),
                    s.whole("out_channels", 4),
                    channels,
                    attention(
                            s,
                            "down_block_types",
                            List.of(
                                    "CrossAttnDownBlock2D",
                                    "CrossAttnDownBlock2D",
                                    "CrossAttnDownBlock2D",
                                    "DownBlock2D"),
                            "DownBlock2D",
                            "CrossAttnDownBlock2D",
                            levels),
                    up,
                    s.whole("layers_per_block", 2),
                    s.perLevel("transformer_layers_per_block", 1, levels),
                    s.perLevel("attention_head_dim", 8, levels),
                    s.whole("cross_attention_dim", 1280),
                    s.flag("use_linear_projection", false),
                    s.whole("norm_num_groups", 32),
                    s.number("norm_eps", 1e-5),
                    s.flag("flip_sin_to_cos", true),
                    s.number("freq_shift", 0),
                    toldWidth - SIZES * sizeWidth,
                    sizeWidth);
        }

        private static List<Boolean> attention(
                Settings s, String key, List<String> otherwise, String plain, String crossed, int levels) {
            List<Boolean> found = new ArrayList<>();
            for (String type : s.texts(key, otherwise)) {
                if (!type.equals(plain) && !type.equals(crossed)) {
                    throw s.refused(
                            key,
                            "has %s, which is not implemented (only %s and %s are)".formatted(type, plain, crossed));
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
         * have 64 channels a head, as SD-2 and XL do. Group norms have 32 groups. Sizes are 256 sines and cosines each.
         */
        public static Config infer(WeightSource weights) {
            int levels = count(weights, "down_blocks.%d.resnets.0.conv1.weight");
            List<Long> channels = new ArrayList<>();
            List<Boolean> down = new ArrayList<>();
            List<Boolean> up = new ArrayList<>();
            List<Long> depth = new ArrayList<>();
            for (int i = 0; i < levels; i++) {
                String block = "down_blocks." + i;
                channels.add(weights.info(block + ".resnets.0.conv1.weight").shape()[0]);
                down.add(weights.names().contains(block + ".attentions.0.norm.weight"));
                up.add(weights.names().contains("up_blocks." + (levels - 1 - i) + ".attentions.0.norm.weight"));
                String transformer = i == levels - 1 ? "mid_block" : block;
                depth.add((long) Math.max(
                        1, count(weights, transformer + ".attentions.0.transformer_blocks.%d.attn1.to_q.weight")));
            }
            String middle = "mid_block.attentions.0.";
            boolean linear = weights.info(middle + "proj_in.weight").shape().length == 2;
            boolean told = weights.names().contains(ADDED + ".linear_1.weight");
            long toldWidth = told ? weights.info(ADDED + ".linear_1.weight").shape()[1] : 0;
            long sizeWidth = told ? SIZE_WIDTH : 0;
            return new Config(
                    weights.info("conv_in.weight").shape()[1],
                    weights.info("conv_out.weight").shape()[0],
                    channels,
                    down,
                    up,
                    count(weights, "down_blocks.0.resnets.%d.conv1.weight"),
                    depth,
                    channels.stream().map(c -> linear ? Math.max(1, c / 64) : 8).toList(),
                    weights.info(middle + "transformer_blocks.0.attn2.to_k.weight")
                            .shape()[1],
                    linear,
                    32,
                    1e-5,
                    true,
                    0,
                    toldWidth - SIZES * sizeWidth,
                    sizeWidth);
        }

        private static int count(WeightSource weights, String pattern) {
            int found = 0;
            while (weights.names().contains(pattern.formatted(found))) {
                found++;
            }
            return found;
        }

        int levels() {
            return channels.size();
        }

        long timeWidth() {
            return 4 * channels.get(0);
        }
    }

    private static final String ADDED = "add_embedding";

    private final Conv2d convIn;
    private final TimestepEmbedding time;
    private final @Nullable Told told;
    private final List<Down> downs = new ArrayList<>();
    private final Middle middle;
    private final List<Up> ups = new ArrayList<>();
    private final GroupNorm normOut;
    private final Conv2d convOut;

    /** Declares and takes every parameter under its canonical name; computes nothing. */
    public UNet(Config c, Parameters p) {
        int last = c.levels() - 1;
        long first = c.channels().get(0);
        convIn = Conv2d.same(p.at("conv_in"), c.inChannels(), first, 3);
        time = TimestepEmbedding.of(p.at("time_embedding"), first, c.timeWidth(), c.cosinesFirst(), c.frequencyShift());
        told = c.pooledWidth() == 0 ? null : new Told(c, p.at(ADDED));
        List<Long> skips = new ArrayList<>(List.of(first)); // channels of what the up blocks take back
        for (int level = 0; level <= last; level++) {
            Down down = new Down(c, p.at("down_blocks." + level), level);
            downs.add(down);
            skips.addAll(Collections.nCopies((int) c.resnets(), c.channels().get(level)));
            if (level < last) {
                skips.add(c.channels().get(level));
            }
        }
        middle = new Middle(c, p.at("mid_block"));
        long width = c.channels().get(last);
        for (int level = last; level >= 0; level--) {
            int taken = skips.size() - (int) c.resnets() - 1;
            List<Long> takes = new ArrayList<>(skips.subList(taken, skips.size()));
            Collections.reverse(takes);
            skips.subList(taken, skips.size()).clear();
            ups.add(new Up(c, p.at("up_blocks." + (last - level)), level, width, takes));
            width = c.channels().get(level);
        }
        normOut = GroupNorm.of(p.at("conv_norm_out"), first, c.groups(), c.eps());
        convOut = Conv2d.same(p.at("conv_out"), first, c.outChannels(), 3);
    }

    @Override
    public Tensor predict(Tensor x, Tensor timesteps, Conditioning c) {
        return TensorScope.scopedTensor(() -> {
            torch.ScalarType precision = convIn.weight().scalar_type();
            Tensor context = c.tokens().to(precision); // (b, t, contextWidth)
            Tensor moment = moment(timesteps, c); // (b or 1, timeWidth)
            Tensor y = convIn.apply(x.to(precision)); // (b, c, h, w)
            Deque<Tensor> skips = new ArrayDeque<>();
            skips.push(y);
            for (Down down : downs) {
                y = down.apply(y, moment, context, skips);
            }
            y = middle.apply(y, moment, context);
            for (Up up : ups) {
                y = up.apply(y, moment, context, skips);
            }
            y = convOut.apply(Activation.SILU.apply(normOut.apply(y)));
            return y.to(x.scalar_type()); // (b, outChannels, h, w)
        });
    }

    private Tensor moment(Tensor timesteps, Conditioning c) {
        Tensor moment = time.apply(timesteps); // (b or 1, timeWidth)
        return told == null ? moment : moment.add(told.apply(c));
    }

    /** What XL is told beside the time: the pooled text and the sizes as sines and cosines, through two linear layers. */
    private static final class Told {

        private final Linear linear1;
        private final Linear linear2;
        private final Config config;

        Told(Config c, Parameters p) {
            linear1 = Linear.of(p.at("linear_1"), c.pooledWidth() + Config.SIZES * c.sizeWidth(), c.timeWidth());
            linear2 = Linear.of(p.at("linear_2"), c.timeWidth(), c.timeWidth());
            config = c;
        }

        /** (b or 1, timeWidth). */
        Tensor apply(Conditioning c) {
            Tensor pooled = Objects.requireNonNull(c.pooled(), "this network is to be told the pooled text");
            Tensor sizes = Objects.requireNonNull(c.sizes(), "this network is to be told the image's sizes");
            Tensor waves = TimestepEmbedding.waves(
                            sizes.flatten(), config.sizeWidth(), config.cosinesFirst(), config.frequencyShift())
                    .view(sizes.size(0), -1); // (b, sizes sizeWidth)
            torch.ScalarType precision = linear1.weight().scalar_type();
            Tensor both = torch.cat(new TensorVector(pooled.to(precision), waves.to(precision)), 1);
            return linear2.apply(Activation.SILU.apply(linear1.apply(both)));
        }
    }

    /** Resnets, each followed by a transformer where the level has them, then half the size except at the last level. */
    private static final class Down {

        private final List<ResnetBlock> resnets = new ArrayList<>();
        private final List<Transformer> transformers = new ArrayList<>();
        private final @Nullable Conv2d downsample;

        Down(Config c, Parameters p, int level) {
            long out = c.channels().get(level);
            long in = level == 0 ? out : c.channels().get(level - 1);
            for (int i = 0; i < c.resnets(); i++) {
                resnets.add(ResnetBlock.timed(
                        p.at("resnets." + i), i == 0 ? in : out, out, c.timeWidth(), c.groups(), c.eps()));
                if (c.attentionDown().get(level)) {
                    transformers.add(new Transformer(c, p.at("attentions." + i), level));
                }
            }
            downsample = level == c.levels() - 1 ? null : Conv2d.of(p.at("downsamplers.0.conv"), out, out, 3, 2, 1);
        }

        Tensor apply(Tensor x, Tensor moment, Tensor context, Deque<Tensor> skips) {
            Tensor y = x;
            for (int i = 0; i < resnets.size(); i++) {
                y = resnets.get(i).apply(y, moment);
                if (!transformers.isEmpty()) {
                    y = transformers.get(i).apply(y, context);
                }
                skips.push(y);
            }
            if (downsample != null) {
                y = downsample.apply(y); // (b, c, h / 2, w / 2)
                skips.push(y);
            }
            return y;
        }
    }

    /** Resnet, transformer, resnet at the coarsest level. */
    private static final class Middle {

        private final ResnetBlock before;
        private final Transformer transformer;
        private final ResnetBlock after;

        Middle(Config c, Parameters p) {
            long width = c.channels().get(c.levels() - 1);
            before = ResnetBlock.timed(p.at("resnets.0"), width, width, c.timeWidth(), c.groups(), c.eps());
            transformer = new Transformer(c, p.at("attentions.0"), c.levels() - 1);
            after = ResnetBlock.timed(p.at("resnets.1"), width, width, c.timeWidth(), c.groups(), c.eps());
        }

        Tensor apply(Tensor x, Tensor moment, Tensor context) {
            return after.apply(transformer.apply(before.apply(x, moment), context), moment);
        }
    }

    /** The mirror of {@link Down}: each resnet reads a skip as well, then twice the size except at the finest level. */
    private static final class Up {

        private final List<ResnetBlock> resnets = new ArrayList<>();
        private final List<Transformer> transformers = new ArrayList<>();
        private final @Nullable Conv2d upsample;

        Up(Config c, Parameters p, int level, long width, List<Long> skips) {
            long out = c.channels().get(level);
            for (int i = 0; i < skips.size(); i++) {
                long in = (i == 0 ? width : out) + skips.get(i);
                resnets.add(ResnetBlock.timed(p.at("resnets." + i), in, out, c.timeWidth(), c.groups(), c.eps()));
                if (c.attentionUp().get(level)) {
                    transformers.add(new Transformer(c, p.at("attentions." + i), level));
                }
            }
            upsample = level == 0 ? null : Conv2d.same(p.at("upsamplers.0.conv"), out, out, 3);
        }

        Tensor apply(Tensor x, Tensor moment, Tensor context, Deque<Tensor> skips) {
            Tensor y = x;
            for (int i = 0; i < resnets.size(); i++) {
                ResnetBlock resnet = resnets.get(i);
                TensorVector both = new TensorVector(y, skips.pop());
                y = TensorScope.scopedTensor(() -> resnet.apply(torch.cat(both, 1), moment));
                if (!transformers.isEmpty()) {
                    y = transformers.get(i).apply(y, context);
                }
            }
            if (upsample == null) {
                return y;
            }
            Tensor small = y;
            Tensor finer = skips.element(); // its size is not twice ours where a side was odd
            return TensorScope.scopedTensor(() ->
                    upsample.apply(torch.upsample_nearest2d(small, new long[] {finer.size(2), finer.size(3)})));
        }
    }

    /** {@code x + out(blocks(in(norm(x))))}, the image's elements as tokens. */
    private static final class Transformer {

        private final GroupNorm norm;
        private final Linear projectIn;
        private final List<TransformerBlock> blocks = new ArrayList<>();
        private final Linear projectOut;

        Transformer(Config c, Parameters p, int level) {
            long width = c.channels().get(level);
            norm = GroupNorm.of(p.at("norm"), width, c.groups(), 1e-6);
            projectIn = projection(p.at("proj_in"), width, c.linearProjection());
            for (int i = 0; i < c.depth().get(level); i++) {
                blocks.add(new TransformerBlock(
                        p.at("transformer_blocks." + i),
                        width,
                        c.contextWidth(),
                        c.heads().get(level)));
            }
            projectOut = projection(p.at("proj_out"), width, c.linearProjection());
        }

        /** A 1x1 convolution is a linear layer of tokens whose weight has two more axes of length 1. */
        private static Linear projection(Parameters p, long width, boolean linear) {
            return linear
                    ? Linear.of(p, width, width)
                    : new Linear(p.get("weight", width, width, 1, 1), p.get("bias", width));
        }

        Tensor apply(Tensor x, Tensor context) {
            return TensorScope.scopedTensor(() -> {
                long[] shape = x.sizes().vec().get(); // (b, c, h, w)
                Tensor y = norm.apply(x).flatten(2, 3).transpose(1, 2); // (b, h w, c)
                y = flat(projectIn).apply(y);
                for (TransformerBlock block : blocks) {
                    y = block.apply(y, context);
                }
                y = flat(projectOut).apply(y);
                return x.add(y.transpose(1, 2).reshape(shape)); // (b, c, h, w)
            });
        }

        private static Linear flat(Linear projection) {
            return projection.weight().dim() == 2
                    ? projection
                    : new Linear(projection.weight().flatten(1, 3), projection.bias());
        }
    }

    /** Attention to the image, attention to the text, a gated feed-forward, each after a norm and added to its input. */
    private static final class TransformerBlock {

        private final LayerNorm norm1;
        private final Attention toImage;
        private final LayerNorm norm2;
        private final Attention toText;
        private final LayerNorm norm3;
        private final Linear gated;
        private final Linear narrow;
        private final long inner;

        TransformerBlock(Parameters p, long width, long contextWidth, long heads) {
            inner = 4 * width;
            norm1 = LayerNorm.of(p.at("norm1"), width, 1e-5);
            toImage = Attention.withoutBias(p.at("attn1"), width, width, heads);
            norm2 = LayerNorm.of(p.at("norm2"), width, 1e-5);
            toText = Attention.withoutBias(p.at("attn2"), width, contextWidth, heads);
            norm3 = LayerNorm.of(p.at("norm3"), width, 1e-5);
            gated = Linear.of(p.at("ff.net.0.proj"), width, 2 * inner);
            narrow = Linear.of(p.at("ff.net.2"), inner, width);
        }

        Tensor apply(Tensor x, Tensor context) { // (b, h w, c), (b, t, contextWidth)
            Tensor seen = TensorScope.scopedTensor(() -> {
                Tensor y = norm1.apply(x);
                return x.add(toImage.apply(y, y));
            });
            Tensor told = TensorScope.scopedTensor(() -> seen.add(toText.apply(norm2.apply(seen), context)));
            return TensorScope.scopedTensor(() -> told.add(feedForward(norm3.apply(told))));
        }

        private Tensor feedForward(Tensor x) { // GEGLU, Shazeer 2020
            Tensor both = gated.apply(x); // (b, h w, 2 inner)
            Tensor gate = Activation.GELU.apply(both.narrow(-1, inner, inner));
            return narrow.apply(both.narrow(-1, 0, inner).mul(gate)); // (b, h w, c)
        }
    }
}
