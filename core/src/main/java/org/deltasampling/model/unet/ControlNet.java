package org.deltasampling.model.unet;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.Control;
import org.deltasampling.model.ControlNetwork;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.model.Residuals;
import org.deltasampling.model.Settings;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Conv2d;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightSource;

/**
 * A ControlNet (Zhang et al. 2023) of a {@link UNet}: a copy of the UNet's first half that reads an image as well, and whose
 * hidden states, through convolutions that were zero before training, are added to the UNet's skip connections and middle
 * block. Structure and names of diffusers' {@code ControlNetModel}.
 */
public final class ControlNet implements ControlNetwork {

    /**
     * Its form.
     *
     * @param hintChannels of the layers that bring the image to the size of the latents, each but the first after halving it
     * @param bgr whether it reads blue, green and red
     * @param pooled whether what it adds is the same at all places (Shuffle)
     */
    public record Config(EncoderConfig encoder, List<Long> hintChannels, boolean bgr, boolean pooled) {

        private static final List<Long> HINT_CHANNELS = List.of(16L, 32L, 96L, 256L);

        public Config {
            hintChannels = List.copyOf(hintChannels);
        }

        /** Pixels along a side of a latent element. */
        public long downscale() {
            return 1L << (hintChannels.size() - 1);
        }

        /**
         * From diffusers' config.json; see {@link EncoderConfig#read}.
         *
         * @throws BadWeightsException with the key and why
         */
        public static Config read(JsonNode json) {
            Settings s = new Settings("ControlNet", json);
            s.require("_class_name", "ControlNetModel");
            s.require("conditioning_channels", "3");
            s.require("controlnet_conditioning_channel_order", "rgb", "bgr");
            return new Config(
                    EncoderConfig.read(s),
                    s.counts("conditioning_embedding_out_channels", HINT_CHANNELS),
                    s.text("controlnet_conditioning_channel_order", "rgb").equals("bgr"),
                    s.flag("global_pool_conditions", false));
        }

        /** From the shapes of a file without a config, whose names are canonical; see {@link EncoderConfig#infer}. */
        public static Config infer(WeightSource weights) {
            List<Long> hints = new ArrayList<>(List.of(Shapes.of(weights, HINT + ".conv_in.weight", 4)[0]));
            int blocks = Shapes.countAtLeastOne(weights, HINT + ".blocks.{i}.weight");
            for (int i = 1; i < blocks; i += 2) {
                hints.add(Shapes.of(weights, HINT + ".blocks." + i + ".weight", 4)[0]);
            }
            return new Config(EncoderConfig.infer(weights), hints, false, false);
        }
    }

    private static final String HINT = "controlnet_cond_embedding";

    private final Config config;
    private final Encoder encoder;
    private final List<Conv2d> hint = new ArrayList<>();
    private final Conv2d hintOut;
    private final List<Conv2d> skips = new ArrayList<>();
    private final Conv2d middle;

    /** Declares and takes every parameter under its canonical name; computes nothing. */
    public ControlNet(Config c, Parameters p) {
        config = c;
        encoder = new Encoder(c.encoder, p, new AtomicInteger());
        Parameters ofHint = p.at(HINT);
        List<Long> channels = c.hintChannels;
        hint.add(Conv2d.same(ofHint.at("conv_in"), 3, channels.get(0), 3));
        for (int i = 0; i < channels.size() - 1; i++) {
            hint.add(Conv2d.same(ofHint.at("blocks." + 2 * i), channels.get(i), channels.get(i), 3));
            hint.add(Conv2d.of(ofHint.at("blocks." + (2 * i + 1)), channels.get(i), channels.get(i + 1), 3, 2, 1));
        }
        hintOut = Conv2d.same(ofHint.at("conv_out"), channels.get(channels.size() - 1), c.encoder.channels(0), 3);
        List<Long> widths = c.encoder.skips();
        for (int i = 0; i < widths.size(); i++) {
            skips.add(Conv2d.same(p.at("controlnet_down_blocks." + i), widths.get(i), widths.get(i), 1));
        }
        long width = c.encoder.channels(c.encoder.last());
        middle = Conv2d.same(p.at("controlnet_mid_block"), width, width, 1);
    }

    @Override
    public Control control(Tensor image, LatentSpace space, UnaryOperator<Tensor> encode) {
        Tensor embedding = TensorScope.scopedTensor(() -> {
            Tensor y = (config.bgr ? torch.flip(image, 1) : image).to(encoder.precision());
            for (Conv2d convolution : hint) {
                y = Activation.SILU.apply(convolution.apply(y));
            }
            return hintOut.apply(y); // (1, c, h, w)
        });
        return (x, timesteps, c, scale) -> residuals(x, timesteps, c, embedding, scale);
    }

    private Residuals residuals(Tensor x, Tensor timesteps, Conditioning c, Tensor embedding, double scale) {
        return TensorScope.scoped(() -> {
            Encoder.Encoded encoded = encoder.encode(x, timesteps, c, embedding);
            List<Tensor> all = new ArrayList<>();
            for (int i = 0; i < skips.size(); i++) {
                all.add(scaled(skips.get(i).apply(encoded.skips().get(i)), scale));
            }
            return Residuals.ofSkips(all, scaled(middle.apply(encoded.middle()), scale));
        });
    }

    private Tensor scaled(Tensor residual, double scale) {
        Tensor whole = config.pooled ? torch.mean(residual, new long[] {2, 3}, true, null) : residual;
        return whole.mul(new Scalar(scale));
    }
}
