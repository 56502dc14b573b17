package org.deltasampling.model.mmdit;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.Residuals;
import org.deltasampling.model.Settings;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.DecoupledAttention;
import org.deltasampling.nn.DotProduct;
import org.deltasampling.nn.LayerNorm;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.RmsNorm;
import org.deltasampling.nn.SinusoidalEmbedding;
import org.deltasampling.nn.TimestepEmbedding;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightSource;
import org.jspecify.annotations.Nullable;

/**
 * The transformer of Stable Diffusion 3 and 3.5 (Esser et al. 2024, figure 2), with the structure and names of diffusers'
 * {@code SD3Transformer2DModel}: image and text are two streams with weights of their own that meet in attention. 3.5
 * norms queries and keys, and in the first blocks of 3.5 medium the image attends to itself once more.
 *
 * <p>Shapes: b batch, n patches of the image, t tokens of the text, d width. It computes in the precision of its weights
 * and answers in that of its input.
 */
public final class MMDiT implements Backbone {

    private static final double EPS = 1e-6;

    /** Of a text: CLIP's and T5's. */
    private static final long TOKENS = 77 + 256;

    /** Of a timestep's sinusoidal embedding. */
    private static final long SINUSOIDS = 256;

    /**
     * Its form.
     *
     * @param contextWidth,pooledWidth of the text embedding's tokens and of its pooled vector
     */
    public record Config(Patches patches, Blocks blocks, long contextWidth, long pooledWidth)
            implements Backbone.Config {

        /**
         * How latents become tokens, and tokens become latents.
         *
         * @param size latent elements along a side of a patch
         * @param positions patches along a side of the largest image, for which the position embedding is cropped
         */
        public record Patches(long inChannels, long outChannels, long size, long positions) {}

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
        }

        @Override
        public MMDiT network(Parameters parameters) {
            return new MMDiT(this, parameters);
        }

        /** Both streams, their feed-forwards four times as wide, and in attention the same once more in float32. */
        @Override
        public long working(long height, long width) {
            return 24 * blocks.width * (height / patches.size * (width / patches.size) + TOKENS);
        }

        @Override
        public long inChannels() {
            return patches.inChannels;
        }

        @Override
        public long outChannels() {
            return patches.outChannels;
        }

        @Override
        public long patch() {
            return patches.size;
        }

        /**
         * From diffusers' config.json. Values that would change the answer and are not implemented are refused.
         *
         * @throws BadWeightsException with the key and why
         */
        public static Config read(JsonNode json) {
            Settings s = new Settings("transformer", json);
            s.require("_class_name", "SD3Transformer2DModel");
            s.require("qk_norm", "rms_norm");
            long heads = s.count("num_attention_heads", 18);
            long width = heads * s.count("attention_head_dim", 64);
            if (s.count("caption_projection_dim", 1152) != width) {
                throw s.refused("caption_projection_dim", "is not the width of the network, %d".formatted(width));
            }
            long channels = s.count("in_channels", 16);
            return new Config(
                    new Patches(
                            channels,
                            s.count("out_channels", channels),
                            s.count("patch_size", 2),
                            s.count("pos_embed_max_size", 96)),
                    new Blocks(
                            s.count("num_layers", 18),
                            width,
                            heads,
                            json.hasNonNull("qk_norm"),
                            s.wholes("dual_attention_layers")),
                    s.count("joint_attention_dim", 4096),
                    s.count("pooled_projection_dim", 2048));
        }

        /**
         * From the shapes of a file without a config; names are canonical. The number of heads leaves a trace only where
         * queries are normalized; else a head has 64 channels, as in all published models.
         */
        public static Config infer(WeightSource weights) {
            int count = Shapes.countAtLeastOne(weights, "transformer_blocks.{i}.attn.to_q.weight");
            long[] patches = Shapes.of(weights, "pos_embed.proj.weight", 4); // (d, channels, patch, patch)
            long width = patches[0];
            long size = patches[2];
            String norm = "transformer_blocks.0.attn.norm_q.weight";
            boolean normed = weights.names().contains(norm);
            long headWidth = normed ? Shapes.of(weights, norm, 1)[0] : Math.min(64, width);
            return new Config(
                    new Patches(
                            patches[1],
                            Shapes.of(weights, "proj_out.weight", 2)[0] / (size * size),
                            size,
                            Math.round(Math.sqrt((double) Shapes.of(weights, "pos_embed.pos_embed", 3)[1]))),
                    new Blocks(
                            count,
                            width,
                            Math.max(1, width / headWidth),
                            normed,
                            LongStream.range(0, count)
                                    .filter(i -> weights.names()
                                            .contains(Shapes.name("transformer_blocks.{i}.attn2.to_q.weight", i)))
                                    .boxed()
                                    .toList()),
                    Shapes.of(weights, "context_embedder.weight", 2)[1],
                    Shapes.of(weights, "time_text_embed.text_embedder.linear_1.weight", 2)[1]);
        }
    }

    private final Config config;
    private final PatchEmbedding patchEmbedding;
    private final TimestepEmbedding time;
    private final Linear pooled1;
    private final Linear pooled2;
    private final Linear contextEmbedder;
    private final List<Block> blocks = new ArrayList<>();
    private final Linear modulationOut;
    private final Linear projectOut;

    /** Declares and takes every parameter under its canonical name; computes nothing. */
    public MMDiT(Config c, Parameters p) {
        long width = c.blocks().width();
        config = c;
        patchEmbedding = new PatchEmbedding(c.patches(), width, p.at("pos_embed"));
        time = TimestepEmbedding.of(
                p.at("time_text_embed.timestep_embedder"), new SinusoidalEmbedding(true, 0), SINUSOIDS, width);
        pooled1 = Linear.of(p.at("time_text_embed.text_embedder.linear_1"), c.pooledWidth(), width);
        pooled2 = Linear.of(p.at("time_text_embed.text_embedder.linear_2"), width, width);
        contextEmbedder = Linear.of(p.at("context_embedder"), c.contextWidth(), width);
        for (int i = 0; i < c.blocks().count(); i++) {
            blocks.add(new Block(c.blocks(), i, p.at("transformer_blocks." + i)));
        }
        modulationOut = Linear.of(p.at("norm_out.linear"), width, 2 * width);
        projectOut = Linear.of(
                p.at("proj_out"),
                width,
                c.patches().size() * c.patches().size() * c.patches().outChannels());
    }

    @Override
    public Tensor predict(Tensor x, Tensor timesteps, Conditioning c) {
        Tensor pooled = c.pooled();
        if (pooled == null) {
            throw new IllegalArgumentException("this network reads a pooled text embedding as well");
        }
        return TensorScope.scopedTensor(() -> {
            torch.ScalarType precision = contextEmbedder.weight().scalar_type();
            Tensor pooledEmbedding = pooled2.apply(Activation.SILU.apply(pooled1.apply(pooled.to(precision))));
            Tensor embedding = Activation.SILU.apply(time.apply(timesteps).add(pooledEmbedding)); // (b, d)
            Tensor image = patchEmbedding.apply(x.to(precision)); // (b, n, d)
            Tensor text = contextEmbedder.apply(c.tokens().to(precision)); // (b, t, d)
            long n = image.size(1);
            Inputs inputs = new Inputs(
                    n, embedding, bias(n + text.size(1), c.copies(), x), c.residuals(), c.imageLayers(timesteps));
            Tensor both = TensorScope.through(
                    torch.cat(new TensorVector(image, text), 1), blocks, (y, block) -> block.apply(y, inputs));
            Tensor y = projectOut.apply(
                    Modulation.scaleAndShift(modulationOut, embedding).apply(norm(both.narrow(1, 0, n))));
            return image(y, x.size(2), x.size(3)).to(x.scalar_type());
        });
    }

    /**
     * What its blocks read beside both streams.
     *
     * @param n patches of the image
     * @param embedding of time and pooled text, after its activation, (b, d)
     * @param bias see {@link MMDiT#bias}
     */
    private record Inputs(
            long n,
            Tensor embedding,
            @Nullable Tensor bias,
            @Nullable Residuals residuals,
            List<List<DecoupledAttention>> imageLayers) {}

    /**
     * What is added to the scores of {@code keys} keys of which the last stands for {@code copies} equal ones: exp(score)
     * counts as often as it is there, (1, 1, 1, keys), where {@code x} is; null where nothing is added.
     */
    private static @Nullable Tensor bias(long keys, long copies, Tensor x) {
        if (copies == 1) {
            return null;
        }
        float[] added = new float[Math.toIntExact(keys)];
        added[added.length - 1] = (float) Math.log((double) copies);
        return Tensor.create(added, 1, 1, 1, keys).to(x.device(), torch.ScalarType.Float);
    }

    /** Patches (b, n, patch patch channels), the channel fastest, to the image (b, channels, height, width). */
    private Tensor image(Tensor y, long height, long width) {
        long p = config.patch();
        return y.reshape(y.size(0), height / p, width / p, p, p, config.outChannels())
                .permute(0, 5, 1, 3, 2, 4)
                .reshape(y.size(0), config.outChannels(), height, width);
    }

    /** A layer norm without weights: adaptive norms modulate it. */
    private static Tensor norm(Tensor x) {
        return LayerNorm.plain(x, EPS);
    }

    /**
     * The adaptive part of a norm and of what follows it, made from the embedding of time and pooled text; each (b, 1, d).
     *
     * @param gate what the layer's result is multiplied by; null: nothing
     */
    private record Modulation(
            Tensor shift, Tensor scale, @Nullable Tensor gate) {

        /** A scale, then a shift (diffusers' {@code AdaLayerNormContinuous}). */
        private static Modulation scaleAndShift(Linear linear, Tensor embedding) {
            Tensor chunks = linear.apply(embedding).unsqueeze(1); // (b, 1, 2 d)
            long width = linear.weight().size(1);
            return new Modulation(chunks.narrow(2, width, width), chunks.narrow(2, 0, width), null);
        }

        /** The chunks from {@code first} on: a shift, a scale and a gate (diffusers' {@code AdaLayerNormZero}). */
        private static Modulation gated(Tensor chunks, long first, long width) {
            return new Modulation(
                    chunks.narrow(2, first * width, width),
                    chunks.narrow(2, (first + 1) * width, width),
                    chunks.narrow(2, (first + 2) * width, width));
        }

        Tensor apply(Tensor normed) {
            return normed.mul(scale.add(new Scalar(1))).add(shift);
        }

        /** {@code x} and the layer's gated result. */
        Tensor add(Tensor x, Tensor result) {
            return x.add(gate == null ? result : result.mul(gate));
        }
    }

    /** The modulations of one stream in a block; a second attention has only the image of dual blocks. */
    private record Modulations(
            Modulation attention,
            Modulation feedForward,
            @Nullable Modulation secondAttention) {

        private static Modulations of(Linear linear, Tensor embedding) {
            Tensor chunks = linear.apply(embedding).unsqueeze(1); // (b, 1, 6 d) or (b, 1, 9 d)
            long width = linear.weight().size(1);
            return new Modulations(
                    Modulation.gated(chunks, 0, width),
                    Modulation.gated(chunks, 3, width),
                    chunks.size(2) == 9 * width ? Modulation.gated(chunks, 6, width) : null);
        }
    }

    /** The image as a row of patches, each with its position: the middle of the embedding of all positions. */
    private static final class PatchEmbedding {

        private final Tensor weight;
        private final Tensor bias;
        private final Tensor positions;
        private final long side;
        private final long patch;

        PatchEmbedding(Config.Patches c, long width, Parameters p) {
            weight = p.get("proj.weight", width, c.inChannels(), c.size(), c.size());
            bias = p.get("proj.bias", width);
            positions = p.get("pos_embed", 1, c.positions() * c.positions(), width);
            side = c.positions();
            patch = c.size();
        }

        Tensor apply(Tensor x) {
            Tensor y = torch.conv2d(
                    x,
                    weight,
                    new TensorOptional(bias),
                    new long[] {patch, patch},
                    new long[] {0, 0},
                    new long[] {1, 1},
                    1); // (b, d, h, w)
            return y.flatten(2, 3).transpose(1, 2).add(cropped(y.size(2), y.size(3))); // (b, h w, d)
        }

        private Tensor cropped(long height, long width) {
            if (height > side || width > side) {
                throw new BadWeightsException(
                        "the image has %dx%d patches where this model has positions for at most %dx%d: make it smaller"
                                .formatted(width, height, side, side));
            }
            return positions
                    .view(side, side, -1)
                    .narrow(0, (side - height) / 2, height)
                    .narrow(1, (side - width) / 2, width)
                    .reshape(1, height * width, -1);
        }
    }

    /** To queries, keys and values of one stream, the first two normalized where the model does so. */
    private record Projections(
            Linear query,
            Linear key,
            Linear value,
            @Nullable RmsNorm queryNorm,
            @Nullable RmsNorm keyNorm,
            long heads) {

        private static Projections ofImage(Config.Blocks c, Parameters p) {
            return of(c, p, List.of("to_q", "to_k", "to_v", "norm_q", "norm_k"));
        }

        private static Projections ofText(Config.Blocks c, Parameters p) {
            return of(c, p, List.of("add_q_proj", "add_k_proj", "add_v_proj", "norm_added_q", "norm_added_k"));
        }

        private static Projections of(Config.Blocks c, Parameters p, List<String> names) {
            long headWidth = c.width() / c.heads();
            boolean normed = c.normedQueries();
            return new Projections(
                    Linear.of(p.at(names.get(0)), c.width(), c.width()),
                    Linear.of(p.at(names.get(1)), c.width(), c.width()),
                    Linear.of(p.at(names.get(2)), c.width(), c.width()),
                    normed ? RmsNorm.of(p.at(names.get(3)), headWidth, EPS) : null,
                    normed ? RmsNorm.of(p.at(names.get(4)), headWidth, EPS) : null,
                    c.heads());
        }

        Heads apply(Tensor x) { // (b, n, d)
            return new Heads(
                    DotProduct.heads(query.apply(x), heads),
                    DotProduct.heads(key.apply(x), heads),
                    DotProduct.heads(value.apply(x), heads),
                    this);
        }
    }

    /** What one stream gives to attention, each (b, heads, n, d / heads), queries and keys before their norms. */
    private record Heads(Tensor queries, Tensor keys, Tensor values, Projections by) {

        Tensor normedQueries() {
            return by.queryNorm == null ? queries : by.queryNorm.apply(queries);
        }

        Tensor normedKeys() {
            return by.keyNorm == null ? keys : by.keyNorm.apply(keys);
        }
    }

    /** {@code linear_2(gelu(linear_1(x)))}. */
    private record FeedForward(Linear linear1, Linear linear2) {

        private static FeedForward of(Config.Blocks c, Parameters p) {
            return new FeedForward(
                    Linear.of(p.at("net.0.proj"), c.width(), 4 * c.width()),
                    Linear.of(p.at("net.2"), 4 * c.width(), c.width()));
        }

        /** {@code x} (b, n, d) and the feed-forward of its modulated norm. */
        Tensor addTo(Tensor x, Modulation m) {
            return TensorScope.scopedTensor(() ->
                    m.add(x, linear2.apply(Activation.GELU_TANH.apply(linear1.apply(m.apply(norm(x)))))));
        }
    }

    /**
     * One joint block: attention over both streams, then a feed-forward in each. The text of the last block only takes part
     * in the attention, since nothing reads it after.
     */
    private static final class Block {

        private final int number;
        private final long count;
        private final Linear imageModulation;
        private final Linear textModulation;
        private final Projections image;
        private final Projections text;
        private final Linear imageOut;
        private final FeedForward imageFeedForward;
        private final @Nullable Linear textOut;
        private final @Nullable FeedForward textFeedForward;
        private final @Nullable Projections secondAttention;
        private final @Nullable Linear secondOut;

        Block(Config.Blocks c, int number, Parameters p) {
            this.number = number;
            count = c.count();
            boolean last = number == count - 1;
            boolean dual = c.dual().contains((long) number);
            imageModulation = Linear.of(p.at("norm1.linear"), c.width(), (dual ? 9 : 6) * c.width());
            textModulation = Linear.of(p.at("norm1_context.linear"), c.width(), (last ? 2 : 6) * c.width());
            image = Projections.ofImage(c, p.at("attn"));
            text = Projections.ofText(c, p.at("attn"));
            imageOut = Linear.of(p.at("attn.to_out.0"), c.width(), c.width());
            imageFeedForward = FeedForward.of(c, p.at("ff"));
            textOut = last ? null : Linear.of(p.at("attn.to_add_out"), c.width(), c.width());
            textFeedForward = last ? null : FeedForward.of(c, p.at("ff_context"));
            secondAttention = dual ? Projections.ofImage(c, p.at("attn2")) : null;
            secondOut = dual ? Linear.of(p.at("attn2.to_out.0"), c.width(), c.width()) : null;
        }

        /** Both streams one after the other, (b, n + t, d), to the same; after the last block the text is as it was. */
        Tensor apply(Tensor both, Inputs inputs) {
            long n = inputs.n;
            long t = both.size(1) - n;
            Tensor x = both.narrow(1, 0, n);
            Tensor y = both.narrow(1, n, t);
            Modulations ofX = Modulations.of(imageModulation, inputs.embedding);
            Modulations ofY = textOut == null ? null : Modulations.of(textModulation, inputs.embedding);
            Modulation beforeAttention =
                    ofY == null ? Modulation.scaleAndShift(textModulation, inputs.embedding) : ofY.attention;
            Tensor normed = norm(x);
            Tensor attended = TensorScope.scopedTensor(
                    () -> attend(ofX.attention.apply(normed), beforeAttention.apply(norm(y)), inputs)); // (b, n + t, d)
            Tensor newX = ofX.attention.add(x, imageOut.apply(attended.narrow(1, 0, n)));
            if (secondAttention != null && secondOut != null && ofX.secondAttention != null) {
                Heads own = secondAttention.apply(ofX.secondAttention.apply(normed));
                Tensor result = DotProduct.attend(own.normedQueries(), own.normedKeys(), own.values);
                newX = ofX.secondAttention.add(newX, secondOut.apply(result));
            }
            Tensor newY = y;
            if (textOut != null && textFeedForward != null && ofY != null) {
                newY = textFeedForward.addTo(
                        ofY.attention.add(y, textOut.apply(attended.narrow(1, n, t))), ofY.feedForward);
            }
            newX = imageFeedForward.addTo(newX, ofX.feedForward);
            Tensor residual = inputs.residuals == null ? null : inputs.residuals.afterBlock(number, count);
            if (residual != null) {
                newX = newX.add(residual.to(x.scalar_type()));
            }
            return torch.cat(new TensorVector(newX, newY), 1);
        }

        private Tensor attend(Tensor x, Tensor y, Inputs inputs) {
            Heads ofX = image.apply(x);
            Heads ofY = text.apply(y);
            Tensor q = torch.cat(new TensorVector(ofX.normedQueries(), ofY.normedQueries()), 2);
            Tensor k = torch.cat(new TensorVector(ofX.normedKeys(), ofY.normedKeys()), 2);
            Tensor v = torch.cat(new TensorVector(ofX.values, ofY.values), 2);
            Tensor attended = DotProduct.attend(q, k, v, inputs.bias); // (b, n + t, d)
            if (inputs.imageLayers.isEmpty()) {
                return attended;
            }
            Tensor ofImage = attended.narrow(1, 0, inputs.n);
            for (List<DecoupledAttention> layers : inputs.imageLayers) {
                ofImage = layers.get(number).addTo(ofImage, ofX.queries, ofX.keys, ofX.values);
            }
            return torch.cat(new TensorVector(ofImage, attended.narrow(1, inputs.n, y.size(1))), 1);
        }
    }
}
