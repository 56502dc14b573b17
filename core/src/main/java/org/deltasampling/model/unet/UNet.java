package org.deltasampling.model.unet;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.file.Quoted;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.Residuals;
import org.deltasampling.model.Settings;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Attention;
import org.deltasampling.nn.Conv2d;
import org.deltasampling.nn.DecoupledAttention;
import org.deltasampling.nn.GroupNorm;
import org.deltasampling.nn.LayerNorm;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.ResnetBlock;
import org.deltasampling.nn.SinusoidalEmbedding;
import org.deltasampling.nn.TimestepEmbedding;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
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
     * Its form.
     *
     * @param levels from the finest to the coarsest
     * @param resnets resnet blocks in each down block; an up block has one more
     * @param contextWidth width of the text embedding
     * @param linearProjection whether transformers project in and out by (c, c) weights rather than (c, c, 1, 1)
     * @param groups of its group norms, those in transformers apart, whose eps is 1e-6
     * @param added what XL reads beside the timestep; null: nothing
     */
    public record Config(
            long inChannels,
            long outChannels,
            List<Level> levels,
            long resnets,
            long contextWidth,
            boolean linearProjection,
            GroupNorm.Groups groups,
            SinusoidalEmbedding sinusoids,
            @Nullable AddedEmbedding added)
            implements Backbone.Config {

        /** Height and width of the original, top and left of the crop, height and width of the image. */
        private static final int SIZES = 6;

        /** Of every published XL. */
        private static final long SIZE_WIDTH = 256;

        private static final GroupNorm.Groups GROUPS = new GroupNorm.Groups(32, 1e-5);

        private static final SinusoidalEmbedding SINUSOIDS = new SinusoidalEmbedding(true, 0);

        public Config {
            levels = List.copyOf(levels);
        }

        /**
         * One resolution.
         *
         * @param channels of its hidden states
         * @param attentionDown whether its down block has transformers
         * @param attentionUp whether its up block has transformers
         * @param depth transformer blocks in each of its transformers; the last level's is also the middle's
         * @param heads attention heads; the last level's are also the middle's
         */
        public record Level(long channels, boolean attentionDown, boolean attentionUp, long depth, long heads) {}

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
            for (int i = 0; i < levels.size(); i++) {
                Level level = levels.get(i);
                long numbers = level.channels * (height >> i) * (width >> i);
                kept += (resnets + 1) * numbers;
                most = Math.max(most, (level.attentionUp ? 24 : 12) * numbers);
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
         * @throws BadWeightsException with the key and why
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
            return new Config(
                    s.count("in_channels", 4),
                    s.count("out_channels", 4),
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
            List<Boolean> down = attention(
                    s,
                    "down_block_types",
                    List.of("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
                    "DownBlock2D",
                    "CrossAttnDownBlock2D",
                    count);
            List<Boolean> up = attention(
                    s,
                    "up_block_types",
                    List.of("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
                    "UpBlock2D",
                    "CrossAttnUpBlock2D",
                    count);
            List<Long> depth = s.perLevel("transformer_layers_per_block", 1, count);
            List<Long> heads = s.perLevel("attention_head_dim", 8, count);
            List<Level> levels = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                levels.add(new Level(channels.get(i), down.get(i), up.get(count - 1 - i), depth.get(i), heads.get(i)));
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

        private static List<Boolean> attention(
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
        public static Config infer(WeightSource weights) {
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
                        weights.names().contains("up_blocks." + (count - 1 - i) + ".attentions.0.norm.weight"),
                        Math.max(1, Shapes.count(weights, blocks + "{i}.attn1.to_q.weight")),
                        linear ? Math.max(1, channels / 64) : 8));
            }
            return new Config(
                    Shapes.of(weights, "conv_in.weight", 4)[1],
                    Shapes.of(weights, "conv_out.weight", 4)[0],
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

        @Override
        public long pooledWidth() {
            return added == null ? 0 : added.pooledWidth;
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

    private static final String ADDED = "add_embedding";

    private final Conv2d convIn;
    private final TimestepEmbedding time;
    private final @Nullable Added added;
    private final List<Down> downs = new ArrayList<>();
    private final Middle middle;
    private final List<Up> ups = new ArrayList<>();
    private final GroupNorm normOut;
    private final Conv2d convOut;

    /** Declares and takes every parameter under its canonical name; computes nothing. */
    public UNet(Config c, Parameters p) {
        int last = c.last();
        long first = c.channels(0);
        AtomicInteger attentions = new AtomicInteger();
        convIn = Conv2d.same(p.at("conv_in"), c.inChannels(), first, 3);
        time = TimestepEmbedding.of(p.at("time_embedding"), c.sinusoids(), first, c.timeWidth());
        added = c.added() == null ? null : new Added(c, c.added(), p.at(ADDED));
        List<Long> skips = new ArrayList<>(List.of(first)); // channels of what the up blocks take back
        for (int level = 0; level <= last; level++) {
            downs.add(new Down(c, p.at("down_blocks." + level), level, attentions));
            skips.addAll(Collections.nCopies((int) c.resnets(), c.channels(level)));
            if (level < last) {
                skips.add(c.channels(level));
            }
        }
        middle = new Middle(c, p.at("mid_block"), attentions);
        long width = c.channels(last);
        for (int level = last; level >= 0; level--) {
            int taken = skips.size() - (int) c.resnets() - 1;
            List<Long> takes = new ArrayList<>(skips.subList(taken, skips.size()));
            Collections.reverse(takes);
            skips.subList(taken, skips.size()).clear();
            ups.add(new Up(c, p.at("up_blocks." + (last - level)), level, width, takes, attentions));
            width = c.channels(level);
        }
        normOut = GroupNorm.of(p.at("conv_norm_out"), first, c.groups());
        convOut = Conv2d.same(p.at("conv_out"), first, c.outChannels(), 3);
    }

    @Override
    public Tensor predict(Tensor x, Tensor timesteps, Conditioning c) {
        return TensorScope.scopedTensor(() -> {
            torch.ScalarType precision = convIn.weight().scalar_type();
            Residuals residuals = c.residuals();
            Inputs inputs = new Inputs(timeEmbedding(timesteps, c), c.tokens().to(precision), c.imageLayers(timesteps));
            Tensor y = convIn.apply(x.to(precision)); // (b, c, h, w)
            Deque<Tensor> skips = new ArrayDeque<>();
            skips.push(y);
            for (int level = 0; level < downs.size(); level++) {
                y = downs.get(level).apply(y, inputs, residuals == null ? null : residuals.ofLevel(level), skips);
            }
            y = middle.apply(y, inputs);
            if (residuals != null) {
                skips = added(skips, residuals.blocks());
                y = added(y, residuals.middle());
            }
            for (Up up : ups) {
                y = up.apply(y, inputs, skips);
            }
            y = convOut.apply(Activation.SILU.apply(normOut.apply(y)));
            return y.to(x.scalar_type()); // (b, outChannels, h, w)
        });
    }

    private Tensor timeEmbedding(Tensor timesteps, Conditioning c) {
        Tensor embedding = time.apply(timesteps); // (b or 1, timeWidth)
        return added == null ? embedding : embedding.add(added.apply(c));
    }

    /** {@code skips}, the newest first, with {@code residuals}, the oldest's first. */
    private static Deque<Tensor> added(Deque<Tensor> skips, List<Tensor> residuals) {
        Iterator<Tensor> next = residuals.iterator();
        Deque<Tensor> sums = new ArrayDeque<>();
        skips.descendingIterator()
                .forEachRemaining(skip -> sums.push(next.hasNext() ? added(skip, next.next()) : skip));
        return sums;
    }

    private static Tensor added(Tensor x, @Nullable Tensor residual) {
        return residual == null ? x : x.add(residual.to(x.scalar_type()));
    }

    /**
     * What its blocks read beside the image's hidden states.
     *
     * @param time embedding, (b or 1, timeWidth)
     * @param text embedding, (b, t, contextWidth)
     */
    private record Inputs(Tensor time, Tensor text, List<List<DecoupledAttention>> imageLayers) {

        /** What attention {@code layer} to the text attends to as well. */
        List<DecoupledAttention> imagePrompts(int layer) {
            return imageLayers.isEmpty()
                    ? List.of()
                    : imageLayers.stream().map(layers -> layers.get(layer)).toList();
        }
    }

    /** XL's added embedding: the pooled text and the sinusoidal embeddings of the sizes through two linear layers. */
    private static final class Added {

        private final Config config;
        private final long sizeWidth;
        private final Linear linear1;
        private final Linear linear2;

        Added(Config c, Config.AddedEmbedding form, Parameters p) {
            config = c;
            sizeWidth = form.sizeWidth();
            c.sinusoids().requireWidth(sizeWidth);
            linear1 = Linear.of(p.at("linear_1"), form.width(), c.timeWidth());
            linear2 = Linear.of(p.at("linear_2"), c.timeWidth(), c.timeWidth());
        }

        Tensor apply(Conditioning c) {
            Tensor pooled = Objects.requireNonNull(c.pooled(), "this network reads a pooled text");
            Tensor sizes = Objects.requireNonNull(c.sizes(), "this network reads the image's sizes");
            Tensor embedded = config.sinusoids()
                    .apply(sizes.flatten(), sizeWidth)
                    .view(sizes.size(0), -1); // (b, sizes sizeWidth)
            torch.ScalarType precision = linear1.weight().scalar_type();
            Tensor both = torch.cat(new TensorVector(pooled.to(precision), embedded.to(precision)), 1);
            return linear2.apply(Activation.SILU.apply(linear1.apply(both)));
        }
    }

    /** Resnets, each followed by a transformer where the level has them, then half the size except at the last level. */
    private static final class Down {

        private final List<ResnetBlock> resnets = new ArrayList<>();
        private final List<Transformer> transformers = new ArrayList<>();
        private final @Nullable Conv2d downsample;

        Down(Config c, Parameters p, int level, AtomicInteger attentions) {
            long out = c.channels(level);
            long in = level == 0 ? out : c.channels(level - 1);
            for (int i = 0; i < c.resnets(); i++) {
                resnets.add(
                        ResnetBlock.withTime(p.at("resnets." + i), i == 0 ? in : out, out, c.timeWidth(), c.groups()));
                if (c.levels().get(level).attentionDown()) {
                    transformers.add(new Transformer(c, p.at("attentions." + i), level, attentions));
                }
            }
            downsample = level == c.last() ? null : Conv2d.of(p.at("downsamplers.0.conv"), out, out, 3, 2, 1);
        }

        Tensor apply(Tensor x, Inputs inputs, @Nullable Tensor residual, Deque<Tensor> skips) {
            Tensor y = x;
            for (int i = 0; i < resnets.size(); i++) {
                y = resnets.get(i).apply(y, inputs.time);
                if (!transformers.isEmpty()) {
                    y = transformers.get(i).apply(y, inputs);
                }
                if (!transformers.isEmpty() && i == resnets.size() - 1) {
                    y = added(y, residual);
                }
                skips.push(y);
            }
            if (downsample != null) {
                y = downsample.apply(y); // (b, c, h / 2, w / 2)
                skips.push(y);
            }
            if (transformers.isEmpty() && residual != null) {
                y = added(y, residual);
                skips.pop();
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

        Middle(Config c, Parameters p, AtomicInteger attentions) {
            long width = c.channels(c.last());
            before = ResnetBlock.withTime(p.at("resnets.0"), width, width, c.timeWidth(), c.groups());
            transformer = new Transformer(c, p.at("attentions.0"), c.last(), attentions);
            after = ResnetBlock.withTime(p.at("resnets.1"), width, width, c.timeWidth(), c.groups());
        }

        Tensor apply(Tensor x, Inputs inputs) {
            return after.apply(transformer.apply(before.apply(x, inputs.time), inputs), inputs.time);
        }
    }

    /** The mirror of {@link Down}: each resnet reads a skip as well, then twice the size except at the finest level. */
    private static final class Up {

        private final List<ResnetBlock> resnets = new ArrayList<>();
        private final List<Transformer> transformers = new ArrayList<>();
        private final @Nullable Conv2d upsample;

        Up(Config c, Parameters p, int level, long width, List<Long> skips, AtomicInteger attentions) {
            long out = c.channels(level);
            for (int i = 0; i < skips.size(); i++) {
                long in = (i == 0 ? width : out) + skips.get(i);
                resnets.add(ResnetBlock.withTime(p.at("resnets." + i), in, out, c.timeWidth(), c.groups()));
                if (c.levels().get(level).attentionUp()) {
                    transformers.add(new Transformer(c, p.at("attentions." + i), level, attentions));
                }
            }
            upsample = level == 0 ? null : Conv2d.same(p.at("upsamplers.0.conv"), out, out, 3);
        }

        Tensor apply(Tensor x, Inputs inputs, Deque<Tensor> skips) {
            Tensor y = x;
            for (int i = 0; i < resnets.size(); i++) {
                ResnetBlock resnet = resnets.get(i);
                TensorVector both = new TensorVector(y, skips.pop());
                y = TensorScope.scopedTensor(() -> resnet.apply(torch.cat(both, 1), inputs.time));
                if (!transformers.isEmpty()) {
                    y = transformers.get(i).apply(y, inputs);
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

        Transformer(Config c, Parameters p, int level, AtomicInteger attentions) {
            long width = c.channels(level);
            norm = GroupNorm.of(
                    p.at("norm"), width, new GroupNorm.Groups(c.groups().count(), 1e-6));
            projectIn = projection(p.at("proj_in"), width, c.linearProjection());
            for (int i = 0; i < c.levels().get(level).depth(); i++) {
                blocks.add(new TransformerBlock(
                        p.at("transformer_blocks." + i),
                        width,
                        c.contextWidth(),
                        c.levels().get(level).heads(),
                        attentions.getAndIncrement()));
            }
            projectOut = projection(p.at("proj_out"), width, c.linearProjection());
        }

        /** A 1x1 convolution is a linear layer of tokens whose weight has two more axes of length 1. */
        private static Linear projection(Parameters p, long width, boolean linear) {
            return linear
                    ? Linear.of(p, width, width)
                    : new Linear(p.get("weight", width, width, 1, 1), p.get("bias", width));
        }

        Tensor apply(Tensor x, Inputs inputs) {
            return TensorScope.scopedTensor(() -> {
                long[] shape = x.sizes().vec().get(); // (b, c, h, w)
                Tensor y = norm.apply(x).flatten(2, 3).transpose(1, 2); // (b, h w, c)
                y = flat(projectIn).apply(y);
                for (TransformerBlock block : blocks) {
                    y = block.apply(y, inputs);
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

    /** Self-attention, cross-attention to the text, a GEGLU feed-forward, each after a norm and added to its input. */
    private static final class TransformerBlock {

        private final LayerNorm norm1;
        private final Attention selfAttention;
        private final LayerNorm norm2;
        private final Attention crossAttention;
        private final int number;
        private final LayerNorm norm3;
        private final Linear projection;
        private final Linear out;
        private final long inner;

        /** @param number of its cross-attention among the network's, in the order of running */
        TransformerBlock(Parameters p, long width, long contextWidth, long heads, int number) {
            this.number = number;
            inner = 4 * width;
            norm1 = LayerNorm.of(p.at("norm1"), width, 1e-5);
            selfAttention = Attention.withoutBias(p.at("attn1"), width, width, heads);
            norm2 = LayerNorm.of(p.at("norm2"), width, 1e-5);
            crossAttention = Attention.withoutBias(p.at("attn2"), width, contextWidth, heads);
            norm3 = LayerNorm.of(p.at("norm3"), width, 1e-5);
            projection = Linear.of(p.at("ff.net.0.proj"), width, 2 * inner);
            out = Linear.of(p.at("ff.net.2"), inner, width);
        }

        Tensor apply(Tensor x, Inputs inputs) { // (b, h w, c)
            Tensor y = TensorScope.scopedTensor(() -> {
                Tensor normed = norm1.apply(x);
                return x.add(selfAttention.apply(normed, normed));
            });
            Tensor z = TensorScope.scopedTensor(
                    () -> y.add(crossAttention.apply(norm2.apply(y), inputs.text, inputs.imagePrompts(number))));
            return TensorScope.scopedTensor(() -> z.add(feedForward(norm3.apply(z))));
        }

        private Tensor feedForward(Tensor x) { // GEGLU, Shazeer 2020
            Tensor both = projection.apply(x); // (b, h w, 2 inner)
            Tensor gate = Activation.GELU.apply(both.narrow(-1, inner, inner));
            return out.apply(both.narrow(-1, 0, inner).mul(gate)); // (b, h w, c)
        }
    }
}
