package org.deltasampling.model.unet;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.Residuals;
import org.deltasampling.model.Settings;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Conv2d;
import org.deltasampling.nn.GroupNorm;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.ResnetBlock;
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
     * @param encoder of its first half; an up block has one resnet more than a down block
     * @param attentionUp whether the up block of each level, from the finest to the coarsest, has transformers
     */
    public record Config(EncoderConfig encoder, List<Boolean> attentionUp, long outChannels)
            implements Backbone.Config {

        public Config {
            attentionUp = List.copyOf(attentionUp);
        }

        @Override
        public UNet network(Parameters parameters) {
            return new UNet(this, parameters);
        }

        @Override
        public long inChannels() {
            return encoder.inChannels();
        }

        @Override
        public long contextWidth() {
            return encoder.contextWidth();
        }

        @Override
        public long pooledWidth() {
            EncoderConfig.AddedEmbedding added = encoder.added();
            return added == null ? 0 : added.pooledWidth();
        }

        /**
         * What the levels keep for the way up; and a finest transformer's feed-forward, whose halves are four times as wide
         * as it, or a finest resnet, which reads twice the width.
         */
        @Override
        public long working(long height, long width) {
            long kept = 0;
            long most = 0;
            for (int i = 0; i <= encoder.last(); i++) {
                long numbers = encoder.channels(i) * (height >> i) * (width >> i);
                kept += (encoder.resnets() + 1) * numbers;
                most = Math.max(most, (attentionUp.get(i) ? 24 : 12) * numbers);
            }
            return kept + most;
        }

        /** Any size will do: a coarser level of an odd one is rounded up. */
        @Override
        public long patch() {
            return 1;
        }

        /**
         * From diffusers' config.json; see {@link EncoderConfig#read}.
         *
         * @throws BadWeightsException with the key and why
         */
        public static Config read(JsonNode json) {
            Settings s = new Settings("UNet", json);
            s.require("_class_name", "UNet2DConditionModel");
            EncoderConfig encoder = EncoderConfig.read(s);
            List<Boolean> up = new ArrayList<>(EncoderConfig.attention(
                    s,
                    "up_block_types",
                    List.of("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
                    "UpBlock2D",
                    "CrossAttnUpBlock2D",
                    encoder.levels().size()));
            Collections.reverse(up);
            return new Config(encoder, up, s.count("out_channels", 4));
        }

        /** From the shapes of a file without a config, whose names are canonical; see {@link EncoderConfig#infer}. */
        public static Config infer(WeightSource weights) {
            EncoderConfig encoder = EncoderConfig.infer(weights);
            return new Config(
                    encoder,
                    IntStream.rangeClosed(0, encoder.last())
                            .mapToObj(level -> weights.names()
                                    .contains("up_blocks." + (encoder.last() - level) + ".attentions.0.norm.weight"))
                            .toList(),
                    Shapes.of(weights, "conv_out.weight", 4)[0]);
        }
    }

    private final Encoder encoder;
    private final List<Up> ups = new ArrayList<>();
    private final GroupNorm normOut;
    private final Conv2d convOut;

    /** Declares and takes every parameter under its canonical name; computes nothing. */
    public UNet(Config config, Parameters p) {
        EncoderConfig c = config.encoder;
        AtomicInteger attentions = new AtomicInteger();
        encoder = new Encoder(c, p, attentions);
        List<Long> skips = new ArrayList<>(c.skips()); // channels of what the up blocks take back
        long width = c.channels(c.last());
        for (int level = c.last(); level >= 0; level--) {
            int taken = skips.size() - (int) c.resnets() - 1;
            List<Long> takes = new ArrayList<>(skips.subList(taken, skips.size()));
            Collections.reverse(takes);
            skips.subList(taken, skips.size()).clear();
            ups.add(new Up(config, p.at("up_blocks." + (c.last() - level)), level, width, takes, attentions));
            width = c.channels(level);
        }
        normOut = GroupNorm.of(p.at("conv_norm_out"), c.channels(0), c.groups());
        convOut = Conv2d.same(p.at("conv_out"), c.channels(0), config.outChannels, 3);
    }

    @Override
    public Tensor predict(Tensor x, Tensor timesteps, Conditioning c) {
        return TensorScope.scopedTensor(() -> {
            Residuals residuals = c.residuals();
            Encoder.Encoded encoded = encoder.encode(x, timesteps, c);
            Deque<Tensor> skips = new ArrayDeque<>();
            for (int i = 0; i < encoded.skips().size(); i++) {
                skips.push(Encoder.added(encoded.skips().get(i), residuals == null ? null : residuals.ofSkip(i)));
            }
            Tensor y = Encoder.added(encoded.middle(), residuals == null ? null : residuals.middle());
            for (Up up : ups) {
                y = up.apply(y, encoded.inputs(), skips);
            }
            y = convOut.apply(Activation.SILU.apply(normOut.apply(y)));
            return y.to(x.scalar_type()); // (b, outChannels, h, w)
        });
    }

    /** The mirror of an {@link Encoder}'s down block: each resnet reads a skip as well, then twice the size except at the finest level. */
    private static final class Up {

        private final List<ResnetBlock> resnets = new ArrayList<>();
        private final List<Transformer> transformers = new ArrayList<>();
        private final @Nullable Conv2d upsample;

        Up(Config config, Parameters p, int level, long width, List<Long> skips, AtomicInteger attentions) {
            EncoderConfig c = config.encoder;
            long out = c.channels(level);
            for (int i = 0; i < skips.size(); i++) {
                long in = (i == 0 ? width : out) + skips.get(i);
                resnets.add(ResnetBlock.withTime(p.at("resnets." + i), in, out, c.timeWidth(), c.groups()));
                if (config.attentionUp.get(level)) {
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
                y = TensorScope.scopedTensor(() -> resnet.apply(torch.cat(both, 1), inputs.time()));
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
}
