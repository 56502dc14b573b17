package org.deltasampling.model.vae;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.file.Quoted;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.model.Settings;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Attention;
import org.deltasampling.nn.Conv2d;
import org.deltasampling.nn.GroupNorm;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.ResnetBlock;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.WeightSource;
import org.jspecify.annotations.Nullable;

/**
 * The autoencoder between images and latents (Rombach et al. 2022, appendix G.1), with the structure and names of
 * diffusers' {@code AutoencoderKL}.
 *
 * <p>Latents here are in the autoencoder's own units; {@link LatentSpace} scales them for the models. It computes in the
 * precision of its weights and answers in that of its input.
 */
public final class AutoencoderKl {

    private static final double EPS = 1e-6;

    /** Red, green and blue. */
    private static final long IMAGE_CHANNELS = 3;

    /**
     * Its form, from the finest level to the coarsest.
     *
     * @param channels of each level's hidden states
     * @param resnets resnet blocks of an encoder level; a decoder level has one more
     * @param groups of its group norms
     * @param attention whether the middle blocks have attention
     */
    public record Config(Latents latents, List<Long> channels, long resnets, long groups, boolean attention) {

        public Config {
            channels = List.copyOf(channels);
        }

        /**
         * What it encodes to.
         *
         * @param scale,shift see {@link LatentSpace}
         * @param quantConv,postQuantConv whether a 1x1 convolution stands after the encoder, and before the decoder
         */
        public record Latents(long channels, double scale, double shift, boolean quantConv, boolean postQuantConv) {}

        /**
         * From diffusers' config.json. Values that would change the answer and are not implemented are refused.
         *
         * @throws org.deltasampling.weights.BadWeightsException with the key and why
         */
        public static Config read(JsonNode json) {
            Settings s = new Settings("autoencoder", json);
            s.require("_class_name", "AutoencoderKL");
            s.require("act_fn", "silu", "swish");
            s.require("latents_mean");
            s.require("latents_std");
            s.require("in_channels", "3");
            s.require("out_channels", "3");
            List<Long> channels = s.counts("block_out_channels", List.of(64L));
            blocks(s, "down_block_types", "DownEncoderBlock2D", channels.size());
            blocks(s, "up_block_types", "UpDecoderBlock2D", channels.size());
            return new Config(
                    new Latents(
                            s.count("latent_channels", 4),
                            s.positive("scaling_factor", 0.18215),
                            s.number("shift_factor", 0),
                            s.flag("use_quant_conv", true),
                            s.flag("use_post_quant_conv", true)),
                    channels,
                    s.count("layers_per_block", 1),
                    s.count("norm_num_groups", 32),
                    s.flag("mid_block_add_attention", true));
        }

        private static void blocks(Settings s, String key, String only, int levels) {
            List<String> types = s.texts(key, List.of(only));
            if (types.size() != levels || !types.stream().allMatch(only::equals)) {
                throw s.refused(
                        key,
                        "is %s where %d times %s is needed"
                                .formatted(Quoted.of(String.join(", ", types)), levels, only));
            }
        }

        /**
         * From the shapes of a file without a config; names are canonical. Group norms have 32 groups.
         *
         * @param scale,shift leave no trace in the shapes; see {@link LatentSpace}
         */
        public static Config infer(WeightSource weights, double scale, double shift) {
            String first = "encoder.down_blocks.{i}.resnets.0.conv1.weight";
            int levels = Shapes.countAtLeastOne(weights, first);
            return new Config(
                    new Latents(
                            Shapes.of(weights, "decoder.conv_in.weight", 4)[1],
                            scale,
                            shift,
                            weights.names().contains("quant_conv.weight"),
                            weights.names().contains("post_quant_conv.weight")),
                    IntStream.range(0, levels)
                            .mapToObj(level -> Shapes.of(weights, Shapes.name(first, level), 4)[0])
                            .toList(),
                    Shapes.countAtLeastOne(weights, "encoder.down_blocks.0.resnets.{i}.conv1.weight"),
                    32,
                    weights.names().contains("decoder.mid_block.attentions.0.to_q.weight"));
        }

        /**
         * About how many numbers are in memory at once while an image of that size is decoded: at the finest level, a
         * resnet's input, the same normalized, and its output, the last two once more in the convolutions' memory format.
         */
        public long decoding(long height, long width) {
            long in = channels.get(Math.min(1, channels.size() - 1));
            return (3 * in + 2 * channels.get(0)) * height * width;
        }

        /** The space of the latents; each level but the last halves the image. */
        public LatentSpace latentSpace() {
            return new LatentSpace(latents.channels, 1L << (channels.size() - 1), latents.scale, latents.shift);
        }

        private long last() {
            return channels.get(channels.size() - 1);
        }

        private GroupNorm.Groups norm() {
            return new GroupNorm.Groups(groups, EPS);
        }
    }

    /** The normal distribution that an image is encoded to; the logarithm of its variance is shaped as its mean. */
    public record Moments(Latent mean, Tensor logVariance) {}

    private final Config config;
    private final Encoder encoder;
    private final @Nullable Conv2d quant;
    private final @Nullable Conv2d postQuant;
    private final Decoder decoder;

    /** Declares and takes every parameter under its canonical name; computes nothing. */
    public AutoencoderKl(Config c, Parameters p) {
        config = c;
        encoder = new Encoder(c, p.at("encoder"));
        long latents = c.latents().channels();
        quant = c.latents().quantConv() ? Conv2d.same(p.at("quant_conv"), 2 * latents, 2 * latents, 1) : null;
        postQuant = c.latents().postQuantConv() ? Conv2d.same(p.at("post_quant_conv"), latents, latents, 1) : null;
        decoder = new Decoder(c, p.at("decoder"));
    }

    public LatentSpace latentSpace() {
        return config.latentSpace();
    }

    /** The latents of images, in the autoencoder's own units; the log-variance is clamped to [-30, 20]. */
    public Moments encode(ImageTensor images) {
        Tensor x = images.tensor();
        Tensor moments = TensorScope.scopedTensor(() -> {
            Tensor y = encoder.apply(x.to(decoder.convIn.weight().scalar_type())); // (b, 2 channels, h, w)
            return (quant == null ? y : quant.apply(y)).to(x.scalar_type());
        });
        long channels = config.latents().channels();
        return new Moments(
                new Latent(moments.narrow(1, 0, channels)),
                moments.narrow(1, channels, channels)
                        .clamp(new ScalarOptional(new Scalar(-30.0)), new ScalarOptional(new Scalar(20.0))));
    }

    /** The images of latents, which are in the autoencoder's own units. */
    public ImageTensor decode(Latent latents) {
        Tensor x = latents.tensor();
        return new ImageTensor(TensorScope.scopedTensor(() -> {
            Tensor z = x.to(decoder.convIn.weight().scalar_type());
            return decoder.apply(postQuant == null ? z : postQuant.apply(z)).to(x.scalar_type());
        }));
    }

    /** Image to moments: levels of resnets, each but the last followed by a downsampler, then the middle block. */
    private static final class Encoder {

        private final Conv2d convIn;
        private final List<List<ResnetBlock>> levels = new ArrayList<>();
        private final List<Conv2d> downsamples = new ArrayList<>();
        private final MiddleBlock middle;
        private final GroupNorm normOut;
        private final Conv2d convOut;

        Encoder(Config c, Parameters p) {
            long width = c.channels().get(0);
            convIn = Conv2d.same(p.at("conv_in"), IMAGE_CHANNELS, width, 3);
            for (int i = 0; i < c.channels().size(); i++) {
                Parameters block = p.at("down_blocks." + i);
                long out = c.channels().get(i);
                levels.add(resnets(c, block, width, out, c.resnets()));
                if (i < c.channels().size() - 1) {
                    downsamples.add(Conv2d.of(block.at("downsamplers.0.conv"), out, out, 3, 2, 0));
                }
                width = out;
            }
            middle = new MiddleBlock(c, p.at("mid_block"));
            normOut = GroupNorm.of(p.at("conv_norm_out"), width, c.norm());
            convOut = Conv2d.same(p.at("conv_out"), width, 2 * c.latents().channels(), 3);
        }

        Tensor apply(Tensor image) {
            Tensor y = convIn.apply(image);
            for (int i = 0; i < levels.size(); i++) {
                y = through(levels.get(i), y);
                if (i < downsamples.size()) {
                    y = downsampled(downsamples.get(i), y);
                }
            }
            return convOut.apply(Activation.SILU.apply(normOut.apply(middle.apply(y))));
        }

        /** One more row and column of zeros, at the right and the bottom only. */
        private static Tensor downsampled(Conv2d downsample, Tensor x) {
            return TensorScope.scopedTensor(() -> downsample.apply(torch.constant_pad_nd(x, 0, 1, 0, 1)));
        }
    }

    /** Latent to image: the middle block, then levels of resnets from the coarsest, each but the finest with an upsampler. */
    private static final class Decoder {

        private final Conv2d convIn;
        private final MiddleBlock middle;
        private final List<UnaryOperator<Tensor>> stages = new ArrayList<>();
        private final GroupNorm normOut;
        private final Conv2d convOut;

        Decoder(Config c, Parameters p) {
            long width = c.last();
            convIn = Conv2d.same(p.at("conv_in"), c.latents().channels(), width, 3);
            middle = new MiddleBlock(c, p.at("mid_block"));
            int last = c.channels().size() - 1;
            for (int i = 0; i <= last; i++) {
                Parameters block = p.at("up_blocks." + i);
                long out = c.channels().get(last - i);
                resnets(c, block, width, out, c.resnets() + 1).forEach(resnet -> stages.add(resnet::apply));
                if (i < last) {
                    Conv2d upsample = Conv2d.same(block.at("upsamplers.0.conv"), out, out, 3);
                    stages.add(x -> upsampled(upsample, x));
                }
                width = out;
            }
            normOut = GroupNorm.of(p.at("conv_norm_out"), width, c.norm());
            convOut = Conv2d.same(p.at("conv_out"), width, IMAGE_CHANNELS, 3);
        }

        /** Each stage is released after the next: the finest have gigabytes where the image is large. */
        Tensor apply(Tensor latent) {
            Tensor y = TensorScope.scopedTensor(() -> middle.apply(convIn.apply(latent)));
            Tensor fine = TensorScope.through(y, stages, (x, stage) -> stage.apply(x));
            Tensor normed = TensorScope.scopedTensor(() -> Activation.SILU.apply(normOut.apply(fine)));
            return convOut.apply(normed);
        }

        private static Tensor upsampled(Conv2d upsample, Tensor x) {
            return upsample.apply(torch.upsample_nearest2d(x, new long[] {2 * x.size(2), 2 * x.size(3)}));
        }
    }

    /** Resnet, attention over the elements of the image with one head, resnet. */
    private static final class MiddleBlock {

        private final ResnetBlock before;
        private final @Nullable GroupNorm norm;
        private final @Nullable Attention attention;
        private final ResnetBlock after;

        MiddleBlock(Config c, Parameters p) {
            long width = c.last();
            before = ResnetBlock.withoutTime(p.at("resnets.0"), width, width, c.norm());
            norm = c.attention() ? GroupNorm.of(p.at("attentions.0.group_norm"), width, c.norm()) : null;
            attention = c.attention() ? Attention.withBias(p.at("attentions.0"), width, 1) : null;
            after = ResnetBlock.withoutTime(p.at("resnets.1"), width, width, c.norm());
        }

        Tensor apply(Tensor x) {
            return after.apply(attend(before.apply(x)));
        }

        private Tensor attend(Tensor x) {
            if (norm == null || attention == null) {
                return x;
            }
            return TensorScope.scopedTensor(() -> {
                Tensor tokens = norm.apply(x).flatten(2, 3).transpose(1, 2); // (b, h w, c)
                Tensor attended = attention.apply(tokens, tokens);
                return x.add(attended.transpose(1, 2).reshape(x.sizes().vec().get())); // (b, c, h, w)
            });
        }
    }

    private static List<ResnetBlock> resnets(Config c, Parameters block, long in, long out, long count) {
        List<ResnetBlock> resnets = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            resnets.add(ResnetBlock.withoutTime(block.at("resnets." + i), i == 0 ? in : out, out, c.norm()));
        }
        return resnets;
    }

    private static Tensor through(List<ResnetBlock> resnets, Tensor x) {
        return TensorScope.scopedTensor(() -> {
            Tensor y = x;
            for (ResnetBlock resnet : resnets) {
                y = resnet.apply(y);
            }
            return y;
        });
    }
}
