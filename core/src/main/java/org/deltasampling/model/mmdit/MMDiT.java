package org.deltasampling.model.mmdit;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.Settings;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Attention;
import org.deltasampling.nn.LayerNorm;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.RmsNorm;
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

    /** Sines and cosines of a timestep. */
    private static final long WAVES = 256;

    /**
     * Widths and depths.
     *
     * @param patch latent elements along a side of a patch
     * @param width of both streams
     * @param contextWidth,pooledWidth of the text embedding's tokens and of its pooled vector
     * @param places patches along a side of the largest image, for which the position embedding is cropped
     * @param normedQueries whether queries and keys are normed
     * @param dual numbers of the blocks in which the image attends to itself as well
     */
    public record Config(
            long inChannels,
            long outChannels,
            long patch,
            long layers,
            long heads,
            long width,
            long contextWidth,
            long pooledWidth,
            long places,
            boolean normedQueries,
            List<Long> dual)
            implements Backbone.Config {

        public Config {
            dual = List.copyOf(dual);
        }

        @Override
        public MMDiT network(Parameters parameters) {
            return new MMDiT(this, parameters);
        }

        /** Both streams, their feed-forwards four times as wide, and in attention the same again in float32. */
        @Override
        public long working(long height, long width) {
            return 24 * this.width * (height / patch * (width / patch) + TOKENS);
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
            long heads = s.whole("num_attention_heads", 18);
            long width = heads * s.whole("attention_head_dim", 64);
            if (s.whole("caption_projection_dim", 1152) != width) {
                throw s.refused("caption_projection_dim", "is not the width of the network, %d".formatted(width));
            }
            return new Config(
                    s.whole("in_channels", 16),
                    s.whole("out_channels", s.whole("in_channels", 16)),
                    s.whole("patch_size", 2),
                    s.whole("num_layers", 18),
                    heads,
                    width,
                    s.whole("joint_attention_dim", 4096),
                    s.whole("pooled_projection_dim", 2048),
                    s.whole("pos_embed_max_size", 96),
                    json.hasNonNull("qk_norm"),
                    json.path("dual_attention_layers").isEmpty()
                            ? List.of()
                            : s.wholes("dual_attention_layers", List.of()));
        }

        /**
         * From the shapes of a file without a config; names are canonical. The number of heads leaves a trace only where
         * queries are normed; else a head has 64 channels, as in all published models.
         */
        public static Config infer(WeightSource weights) {
            long layers = 0;
            List<Long> dual = new ArrayList<>();
            while (weights.names().contains("transformer_blocks.%d.attn.to_q.weight".formatted(layers))) {
                if (weights.names().contains("transformer_blocks.%d.attn2.to_q.weight".formatted(layers))) {
                    dual.add(layers);
                }
                layers++;
            }
            long[] patches = weights.info("pos_embed.proj.weight").shape(); // (d, channels, patch, patch)
            String norm = "transformer_blocks.0.attn.norm_q.weight";
            boolean normed = weights.names().contains(norm);
            long headWidth = normed ? weights.info(norm).shape()[0] : Math.min(64, patches[0]);
            return new Config(
                    patches[1],
                    weights.info("proj_out.weight").shape()[0] / (patches[2] * patches[3]),
                    patches[2],
                    layers,
                    patches[0] / headWidth,
                    patches[0],
                    weights.info("context_embedder.weight").shape()[1],
                    weights.info("time_text_embed.text_embedder.linear_1.weight")
                            .shape()[1],
                    Math.round(Math.sqrt(
                            (double) weights.info("pos_embed.pos_embed").shape()[1])),
                    normed,
                    dual);
        }
    }

    private final Config config;
    private final Patches patches;
    private final TimestepEmbedding time;
    private final Linear pooled1;
    private final Linear pooled2;
    private final Linear textIn;
    private final List<Block> blocks = new ArrayList<>();
    private final Linear modulationOut;
    private final Linear patchesOut;

    /** Declares and takes every parameter under its canonical name; computes nothing. */
    public MMDiT(Config c, Parameters p) {
        config = c;
        patches = new Patches(c, p.at("pos_embed"));
        time = TimestepEmbedding.of(p.at("time_text_embed.timestep_embedder"), WAVES, c.width(), true, 0);
        pooled1 = Linear.of(p.at("time_text_embed.text_embedder.linear_1"), c.pooledWidth(), c.width());
        pooled2 = Linear.of(p.at("time_text_embed.text_embedder.linear_2"), c.width(), c.width());
        textIn = Linear.of(p.at("context_embedder"), c.contextWidth(), c.width());
        for (long i = 0; i < c.layers(); i++) {
            blocks.add(new Block(c, p.at("transformer_blocks." + i), c.dual().contains(i), i == c.layers() - 1));
        }
        modulationOut = Linear.of(p.at("norm_out.linear"), c.width(), 2 * c.width());
        patchesOut = Linear.of(p.at("proj_out"), c.width(), c.patch() * c.patch() * c.outChannels());
    }

    @Override
    public Tensor predict(Tensor x, Tensor timesteps, Conditioning c) {
        Tensor pooled = c.pooled();
        if (pooled == null) {
            throw new IllegalArgumentException("this network reads a pooled text embedding as well");
        }
        return TensorScope.scopedTensor(() -> {
            torch.ScalarType precision = textIn.weight().scalar_type();
            Tensor told = pooled2.apply(Activation.SILU.apply(pooled1.apply(pooled.to(precision))));
            Tensor moment = Activation.SILU.apply(time.apply(timesteps).add(told)); // (b, d)
            Tensor image = patches.apply(x.to(precision)); // (b, n, d)
            Tensor text = textIn.apply(c.tokens().to(precision)); // (b, t, d)
            long n = image.size(1);
            Tensor bias = bias(n + text.size(1), c.copies(), x);
            Tensor both = TensorScope.through(
                    torch.cat(new TensorVector(image, text), 1), blocks, (y, block) -> block.apply(y, n, moment, bias));
            Modulation out = new Modulation(modulationOut, moment);
            Tensor y = patchesOut.apply(out.modulated(plain(both.narrow(1, 0, n)), 1, 0));
            return image(y, x.size(2), x.size(3)).to(x.scalar_type());
        });
    }

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

    private static Tensor plain(Tensor x) {
        return LayerNorm.plain(x, EPS);
    }

    /** Shifts, scales and gates for one stream, all from the moment (time and pooled text): (b, 1, count d). */
    private record Modulation(Tensor all, long width) {

        Modulation(Linear linear, Tensor moment) {
            this(linear.apply(moment).unsqueeze(1), linear.weight().size(1));
        }

        private Tensor part(long index) {
            return all.narrow(2, index * width, width); // (b, 1, d)
        }

        Tensor modulated(Tensor normed, long shift, long scale) {
            return normed.mul(part(scale).add(new Scalar(1))).add(part(shift));
        }

        Tensor gated(Tensor change, long gate) {
            return change.mul(part(gate));
        }
    }

    /** The image as a row of patches, each with its place: the middle of the embedding of all places. */
    private static final class Patches {

        private final Tensor weight;
        private final Tensor bias;
        private final Tensor places;
        private final long side;
        private final long patch;

        Patches(Config c, Parameters p) {
            weight = p.get("proj.weight", c.width(), c.inChannels(), c.patch(), c.patch());
            bias = p.get("proj.bias", c.width());
            places = p.get("pos_embed", 1, c.places() * c.places(), c.width());
            side = c.places();
            patch = c.patch();
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
            return y.flatten(2, 3).transpose(1, 2).add(placed(y.size(2), y.size(3))); // (b, h w, d)
        }

        private Tensor placed(long height, long width) {
            if (height > side || width > side) {
                throw new BadWeightsException(
                        "the image has %dx%d patches where this model knows at most %dx%d: make it smaller"
                                .formatted(width, height, side, side));
            }
            return places.view(side, side, -1)
                    .narrow(0, (side - height) / 2, height)
                    .narrow(1, (side - width) / 2, width)
                    .reshape(1, height * width, -1);
        }
    }

    /** Queries, keys and values of one stream, the first two normed where the model does so. */
    private record Projections(
            Linear query,
            Linear key,
            Linear value,
            @Nullable RmsNorm queryNorm,
            @Nullable RmsNorm keyNorm,
            long heads) {

        private static Projections ofImage(Config c, Parameters p) {
            return of(c, p, List.of("to_q", "to_k", "to_v", "norm_q", "norm_k"));
        }

        private static Projections ofText(Config c, Parameters p) {
            return of(c, p, List.of("add_q_proj", "add_k_proj", "add_v_proj", "norm_added_q", "norm_added_k"));
        }

        private static Projections of(Config c, Parameters p, List<String> names) {
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

        Tensor queries(Tensor x) { // (b, n, d) to (b, heads, n, d / heads)
            Tensor q = Attention.heads(query.apply(x), heads);
            return queryNorm == null ? q : queryNorm.apply(q);
        }

        Tensor keys(Tensor x) {
            Tensor k = Attention.heads(key.apply(x), heads);
            return keyNorm == null ? k : keyNorm.apply(k);
        }

        Tensor values(Tensor x) {
            return Attention.heads(value.apply(x), heads);
        }
    }

    /** What comes after attention in a stream: its output projection, then a feed-forward. */
    private record Rest(Linear attended, Linear widen, Linear narrow) {

        private static Rest of(Config c, Parameters p, String attended, String feedForward) {
            return new Rest(
                    Linear.of(p.at(attended), c.width(), c.width()),
                    Linear.of(p.at(feedForward + ".net.0.proj"), c.width(), 4 * c.width()),
                    Linear.of(p.at(feedForward + ".net.2"), 4 * c.width(), c.width()));
        }

        Tensor feedForward(Tensor x) {
            return narrow.apply(Activation.GELU_TANH.apply(widen.apply(x)));
        }
    }

    /**
     * One joint block. Of the modulations 0 to 2 are shift, scale and gate of attention, 3 to 5 of the feed-forward, 6 to 8
     * of the image's attention to itself; the text of the last block has only a scale (0) and a shift (1), since nothing
     * reads it after.
     */
    private static final class Block {

        private final Linear imageModulation;
        private final Linear textModulation;
        private final Projections image;
        private final Projections text;
        private final Rest imageRest;
        private final @Nullable Rest textRest;
        private final @Nullable Projections again;
        private final @Nullable Linear againOut;

        Block(Config c, Parameters p, boolean dual, boolean last) {
            imageModulation = Linear.of(p.at("norm1.linear"), c.width(), (dual ? 9 : 6) * c.width());
            textModulation = Linear.of(p.at("norm1_context.linear"), c.width(), (last ? 2 : 6) * c.width());
            image = Projections.ofImage(c, p.at("attn"));
            text = Projections.ofText(c, p.at("attn"));
            imageRest = Rest.of(c, p, "attn.to_out.0", "ff");
            textRest = last ? null : Rest.of(c, p, "attn.to_add_out", "ff_context");
            again = dual ? Projections.ofImage(c, p.at("attn2")) : null;
            againOut = dual ? Linear.of(p.at("attn2.to_out.0"), c.width(), c.width()) : null;
        }

        /** Both streams one after the other, (b, n + t, d), to the same; after the last block the text is as it was. */
        Tensor apply(Tensor both, long n, Tensor moment, @Nullable Tensor bias) {
            Tensor x = both.narrow(1, 0, n);
            Tensor y = both.narrow(1, n, both.size(1) - n);
            Modulation ofX = new Modulation(imageModulation, moment);
            Modulation ofY = new Modulation(textModulation, moment);
            Tensor normed = plain(x);
            Tensor seen = TensorScope.scopedTensor(() -> {
                Tensor a = ofX.modulated(normed, 0, 1);
                Tensor b = textRest == null ? ofY.modulated(plain(y), 1, 0) : ofY.modulated(plain(y), 0, 1);
                Tensor q = torch.cat(new TensorVector(image.queries(a), text.queries(b)), 2);
                Tensor k = torch.cat(new TensorVector(image.keys(a), text.keys(b)), 2);
                Tensor v = torch.cat(new TensorVector(image.values(a), text.values(b)), 2);
                return bias == null ? Attention.attend(q, k, v) : Attention.attend(q, k, v, bias); // (b, n + t, d)
            });
            Tensor moved = x.add(ofX.gated(imageRest.attended().apply(seen.narrow(1, 0, n)), 2));
            if (again != null && againOut != null) {
                Tensor own = ofX.modulated(normed, 6, 7);
                Tensor looked = Attention.attend(again.queries(own), again.keys(own), again.values(own));
                moved = moved.add(ofX.gated(againOut.apply(looked), 8));
            }
            Tensor told = y;
            if (textRest != null) {
                Tensor heard = seen.narrow(1, n, both.size(1) - n);
                told = fed(y.add(ofY.gated(textRest.attended().apply(heard), 2)), textRest, ofY);
            }
            return torch.cat(new TensorVector(fed(moved, imageRest, ofX), told), 1);
        }

        private static Tensor fed(Tensor x, Rest rest, Modulation m) {
            return TensorScope.scopedTensor(() -> x.add(m.gated(rest.feedForward(m.modulated(plain(x), 3, 4)), 5)));
        }
    }
}
