package org.deltasampling.model.unet;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Control;
import org.deltasampling.model.ControlNetwork;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.model.Residuals;
import org.deltasampling.model.Settings;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.Conv2d;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightSource;
import org.jspecify.annotations.Nullable;

/**
 * A T2I-Adapter (Mou et al. 2023) of a {@link UNet}: a small network that makes of an image, once for all steps, what is added
 * to the hidden states of the down blocks. Structure and names of diffusers' {@code T2IAdapter}.
 */
public final class T2iAdapter implements ControlNetwork {

    /** The three that are published. */
    public enum Kind {
        /** Of SD-1: every level but the first at half the size of the one before. */
        FULL,
        /** Of XL: latents are seen at half their size, and a fourth level is added to the middle block. */
        FULL_XL,
        /** Of SD-1, with narrow residual blocks. */
        LIGHT;

        /** Whether level {@code index} is at half the size of the one before. */
        private boolean halves(int index) {
            return this == FULL_XL ? index == 2 : index > 0;
        }
    }

    /**
     * Its form.
     *
     * @param inChannels of the image: 3, or 1 for grey
     * @param channels of the levels
     * @param resnets residual blocks in each level
     * @param downscale pixels along a side of what the first level sees as one element
     */
    public record Config(Kind kind, long inChannels, List<Long> channels, long resnets, long downscale) {

        public Config {
            channels = List.copyOf(channels);
            if (kind == Kind.FULL_XL && channels.size() != XL_LEVELS) {
                throw new BadWeightsException(
                        "a T2I-Adapter of XL has %d levels, not %d".formatted(XL_LEVELS, channels.size()));
            }
        }

        /**
         * From diffusers' config.json.
         *
         * @throws BadWeightsException with the key and why
         */
        public static Config read(JsonNode json) {
            Settings s = new Settings("T2I-Adapter", json);
            s.require("_class_name", "T2IAdapter");
            s.require("adapter_type", "full_adapter", "full_adapter_xl", "light_adapter");
            String type = s.text("adapter_type", "full_adapter");
            return new Config(
                    Kind.valueOf(type.replace("_adapter", "").toUpperCase(Locale.ROOT)),
                    s.count("in_channels", 3),
                    s.counts("channels", List.of(320L, 640L, 1280L, 1280L)),
                    s.count("num_res_blocks", 2),
                    s.count("downscale_factor", 8));
        }

        /** From the shapes of a file without a config, whose names are canonical: the published ones see 8x8 pixels, XL's 16x16. */
        public static Config infer(WeightSource weights) {
            int levels = Shapes.countAtLeastOne(weights, BODY + "{i}.resnets.0.block1.weight");
            boolean light = weights.names().contains(BODY + "0.out_conv.weight");
            List<Long> channels = new ArrayList<>();
            for (int i = 0; i < levels; i++) {
                String layer = light ? ".out_conv.weight" : ".resnets.0.block1.weight";
                channels.add(Shapes.of(weights, BODY + i + layer, 4)[0]);
            }
            long seen = Shapes.of(weights, light ? BODY + "0.in_conv.weight" : "adapter.conv_in.weight", 4)[1];
            boolean xl = !light && seen % 256 == 0;
            long downscale = xl ? 16 : 8;
            return new Config(
                    light ? Kind.LIGHT : xl ? Kind.FULL_XL : Kind.FULL,
                    Math.max(1, seen / (downscale * downscale)),
                    channels,
                    Shapes.countAtLeastOne(weights, BODY + "0.resnets.{i}.block1.weight"),
                    downscale);
        }
    }

    private static final String BODY = "adapter.body.";

    /** Three of the down blocks, and the middle block's. */
    private static final int XL_LEVELS = 4;

    private final Config config;
    private final @Nullable Conv2d convIn;
    private final List<Level> levels = new ArrayList<>();

    /** Declares and takes every parameter under its canonical name; computes nothing. */
    public T2iAdapter(Config c, Parameters p) {
        config = c;
        boolean light = c.kind == Kind.LIGHT;
        List<Long> channels = c.channels;
        long seen = c.inChannels * c.downscale * c.downscale;
        convIn = light ? null : Conv2d.same(p.at("adapter.conv_in"), seen, channels.get(0), 3);
        for (int i = 0; i < channels.size(); i++) {
            long in = i > 0 ? channels.get(i - 1) : light ? seen : channels.get(0);
            levels.add(new Level(p.at(BODY + i), in, channels.get(i), c.resnets, light, c.kind.halves(i)));
        }
    }

    /** One level; light ones work at a quarter of its channels. */
    private static final class Level {

        private final boolean halves;
        private final @Nullable Conv2d convIn;
        private final List<Conv2d[]> resnets = new ArrayList<>();
        private final @Nullable Conv2d convOut;

        Level(Parameters p, long in, long out, long count, boolean light, boolean halves) {
            this.halves = halves;
            long width = light ? out / 4 : out;
            convIn = light || in != out ? Conv2d.same(p.at("in_conv"), in, width, 1) : null;
            for (int i = 0; i < count; i++) {
                Parameters resnet = p.at("resnets." + i);
                resnets.add(new Conv2d[] {
                    Conv2d.same(resnet.at("block1"), width, width, 3),
                    Conv2d.same(resnet.at("block2"), width, width, light ? 3 : 1)
                });
            }
            convOut = light ? Conv2d.same(p.at("out_conv"), width, out, 1) : null;
        }

        Tensor apply(Tensor x) {
            Tensor y = halves ? halved(x) : x;
            y = convIn == null ? y : convIn.apply(y);
            for (Conv2d[] resnet : resnets) {
                y = y.add(resnet[1].apply(resnet[0].apply(y).relu()));
            }
            return convOut == null ? y : convOut.apply(y);
        }

        /** Mean values of 2x2, of fewer at an odd edge. */
        private static Tensor halved(Tensor x) {
            return torch.avg_pool2d(
                    x, new long[] {2, 2}, new long[] {2, 2}, new long[] {0, 0}, true, true, new LongOptional());
        }
    }

    @Override
    public Control control(Tensor image, LatentSpace space, UnaryOperator<Tensor> encode) {
        List<Tensor> all = new ArrayList<>();
        Tensor y = TensorScope.scopedTensor(() -> first(image));
        for (Level level : levels) {
            Tensor before = y;
            y = TensorScope.scopedTensor(() -> level.apply(before));
            all.add(y);
        }
        return (x, timesteps, c, scale) -> {
            List<Tensor> scaled =
                    all.stream().map(level -> level.mul(new Scalar(scale))).toList();
            return config.kind == Kind.FULL_XL
                    ? new Residuals(List.of(), scaled.get(3), scaled.subList(0, 3))
                    : Residuals.ofLevels(scaled);
        };
    }

    /** Before the levels: squares of pixels as channels. */
    private Tensor first(Tensor image) {
        Conv2d any = convIn == null ? levels.get(0).resnets.get(0)[0] : convIn;
        Tensor seen = config.inChannels == 1 ? luminance(image) : image;
        Tensor squares =
                torch.pixel_unshuffle(seen, config.downscale).to(any.weight().scalar_type());
        return convIn == null ? squares : convIn.apply(squares);
    }

    /** (1, 1, height, width), by the weights of ITU-R 601-2. */
    private static Tensor luminance(Tensor image) {
        Tensor weights = Tensor.create(new float[] {0.299f, 0.587f, 0.114f}, 1, 3, 1, 1);
        return torch.sum(image.mul(weights), new long[] {1}, true, null);
    }
}
