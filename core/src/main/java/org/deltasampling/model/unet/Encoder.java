package org.deltasampling.model.unet;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.Residuals;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Conv2d;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.ResnetBlock;
import org.deltasampling.nn.TimestepEmbedding;
import org.jspecify.annotations.Nullable;

/**
 * The first half of a {@link UNet}, which a {@link ControlNet} has too: down blocks and the middle block.
 *
 * <p>Shapes: b batch, c channels of the level, (h, w) its size.
 */
final class Encoder {

    /**
     * What it makes of a latent.
     *
     * @param skips skip connections, in the order in which the down blocks make them, {@code conv_in}'s first
     * @param middle of the middle block
     * @param inputs what the second half reads too
     */
    record Encoded(List<Tensor> skips, Tensor middle, Inputs inputs) {}

    private final Conv2d convIn;
    private final TimestepEmbedding time;
    private final @Nullable Added added;
    private final List<Down> downs = new ArrayList<>();
    private final Middle middle;

    /** @param attentions counts the cross-attentions */
    Encoder(EncoderConfig c, Parameters p, AtomicInteger attentions) {
        convIn = Conv2d.same(p.at("conv_in"), c.inChannels(), c.channels(0), 3);
        time = TimestepEmbedding.of(p.at("time_embedding"), c.sinusoids(), c.channels(0), c.timeWidth());
        added = c.added() == null ? null : new Added(c, c.added(), p.at(EncoderConfig.ADDED));
        for (int level = 0; level <= c.last(); level++) {
            downs.add(new Down(c, p.at("down_blocks." + level), level, attentions));
        }
        middle = new Middle(c, p.at("mid_block"), attentions);
    }

    /** In which it computes. */
    torch.ScalarType precision() {
        return convIn.weight().scalar_type();
    }

    /** See {@link UNet#predict}; owned by the caller's region. */
    Encoded encode(Tensor x, Tensor timesteps, Conditioning c) {
        return encode(x, timesteps, c, null);
    }

    /** @param hint added to {@code conv_in}'s output; null: nothing */
    Encoded encode(Tensor x, Tensor timesteps, Conditioning c, @Nullable Tensor hint) {
        Residuals residuals = c.residuals();
        Inputs inputs = new Inputs(timeEmbedding(timesteps, c), c.tokens().to(precision()), c.imageLayers(timesteps));
        Tensor y = added(convIn.apply(x.to(precision())), hint); // (b, c, h, w)
        Deque<Tensor> skips = new ArrayDeque<>(List.of(y));
        for (int level = 0; level < downs.size(); level++) {
            y = downs.get(level).apply(y, inputs, residuals == null ? null : residuals.ofLevel(level), skips);
        }
        List<Tensor> inOrder = new ArrayList<>(skips);
        Collections.reverse(inOrder);
        return new Encoded(inOrder, middle.apply(y, inputs), inputs);
    }

    private Tensor timeEmbedding(Tensor timesteps, Conditioning c) {
        Tensor embedding = time.apply(timesteps); // (b or 1, timeWidth)
        return added == null ? embedding : embedding.add(added.apply(c));
    }

    static Tensor added(Tensor x, @Nullable Tensor residual) {
        return residual == null ? x : x.add(residual.to(x.scalar_type()));
    }

    /** XL's added embedding: the pooled text and the sinusoidal embeddings of the sizes through two linear layers. */
    private static final class Added {

        private final EncoderConfig config;
        private final long sizeWidth;
        private final Linear linear1;
        private final Linear linear2;

        Added(EncoderConfig c, EncoderConfig.AddedEmbedding form, Parameters p) {
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

        Down(EncoderConfig c, Parameters p, int level, AtomicInteger attentions) {
            long out = c.channels(level);
            long in = level == 0 ? out : c.channels(level - 1);
            for (int i = 0; i < c.resnets(); i++) {
                resnets.add(
                        ResnetBlock.withTime(p.at("resnets." + i), i == 0 ? in : out, out, c.timeWidth(), c.groups()));
                if (c.levels().get(level).attention()) {
                    transformers.add(new Transformer(c, p.at("attentions." + i), level, attentions));
                }
            }
            downsample = level == c.last() ? null : Conv2d.of(p.at("downsamplers.0.conv"), out, out, 3, 2, 1);
        }

        Tensor apply(Tensor x, Inputs inputs, @Nullable Tensor residual, Deque<Tensor> skips) {
            Tensor y = x;
            for (int i = 0; i < resnets.size(); i++) {
                y = resnets.get(i).apply(y, inputs.time());
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

        Middle(EncoderConfig c, Parameters p, AtomicInteger attentions) {
            long width = c.channels(c.last());
            before = ResnetBlock.withTime(p.at("resnets.0"), width, width, c.timeWidth(), c.groups());
            transformer = new Transformer(c, p.at("attentions.0"), c.last(), attentions);
            after = ResnetBlock.withTime(p.at("resnets.1"), width, width, c.timeWidth(), c.groups());
        }

        Tensor apply(Tensor x, Inputs inputs) {
            return after.apply(transformer.apply(before.apply(x, inputs.time()), inputs), inputs.time());
        }
    }
}
