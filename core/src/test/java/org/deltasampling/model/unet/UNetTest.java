package org.deltasampling.model.unet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.deltasampling.TensorAssert.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.ImageTokens;
import org.deltasampling.model.OnDevice;
import org.deltasampling.model.RandomParameters;
import org.deltasampling.model.Residuals;
import org.deltasampling.nn.DecoupledAttention;
import org.deltasampling.nn.GroupNorm;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.SinusoidalEmbedding;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What adapters beside the network add to it, and where. */
@ExtendWith(NoLeaks.class)
class UNetTest {

    private static final int WIDTH = 8;

    /** Two levels, the first with transformers; latents of 4 x 8 x 8. */
    private static final UNet.Config CONFIG = new UNet.Config(
            new EncoderConfig(
                    4,
                    List.of(new EncoderConfig.Level(WIDTH, true, 1, 2), new EncoderConfig.Level(WIDTH, false, 1, 2)),
                    1,
                    6,
                    true,
                    new GroupNorm.Groups(4, 1e-5),
                    new SinusoidalEmbedding(true, 0),
                    null),
            List.of(true, false),
            4);

    /** Of {@code conv_in}, and of the resnets and the downsampler of the down blocks. */
    private static final List<Integer> SKIP_SIDES = List.of(8, 8, 4, 4);

    /** Down block, middle block, and the two of the finest up block. */
    private static final int CROSS_ATTENTIONS = 4;

    private static Tensor predict(Backbone network, Conditioning c) {
        return network.predict(new SeededNoise(2).draw(1, 4, 8, 8).tensor(), Tensor.create(500f), c);
    }

    private static Conditioning text() {
        return new Conditioning(new SeededNoise(3).draw(1, 5, 6).tensor());
    }

    private static Tensor noise(long seed, long... shape) {
        return new SeededNoise(seed).draw(shape).tensor();
    }

    private static List<Tensor> skips(double factor) {
        List<Tensor> skips = new ArrayList<>();
        for (int side : SKIP_SIDES) {
            skips.add(noise(skips.size(), 1, WIDTH, side, side).mul(new Scalar(factor)));
        }
        return skips;
    }

    @Test
    void residualsOfZeroChangeNothing() {
        try (TensorScope scope = TensorScope.open()) {
            UNet unet = new UNet(CONFIG, new RandomParameters());
            Tensor plain = predict(unet, text());
            Residuals zeros =
                    new Residuals(skips(0), torch.zeros(1, WIDTH, 4, 4), List.of(torch.zeros(1, WIDTH, 8, 8)));
            assertThat(predict(unet, text().with(zeros))).isSameAs(plain);
        }
    }

    /** A residual of the middle block is what the bias of its last convolution adds to every element. */
    @Test
    void theMiddleResidualIsAddedAfterTheMiddleBlock() {
        try (TensorScope scope = TensorScope.open()) {
            RandomParameters random = new RandomParameters();
            Tensor added = noise(7, WIDTH);
            Parameters moved = (name, shape) -> name.equals("mid_block.resnets.1.conv2.bias")
                    ? random.get(name, shape).add(added)
                    : random.get(name, shape);
            Tensor expected = predict(new UNet(CONFIG, moved), text());
            Residuals residuals =
                    Residuals.ofSkips(skips(0), added.view(1, WIDTH, 1, 1).expand(1, WIDTH, 4, 4));
            assertThat(predict(new UNet(CONFIG, random), text().with(residuals)))
                    .isCloseTo(expected, 1e-5);
        }
    }

    /** Where the up blocks' weights for their skips are zero, nothing else sees what is added to those. */
    @Test
    void skipResidualsReachTheUpBlocksOnly() {
        try (TensorScope scope = TensorScope.open()) {
            RandomParameters random = new RandomParameters();
            UNet unet = new UNet(CONFIG, random);
            UNet blind = new UNet(
                    CONFIG, (name, shape) -> ofSkips(name) ? blind(random.get(name, shape)) : random.get(name, shape));
            Tensor plain = predict(unet, text());
            Tensor plainBlind = predict(blind, text());
            for (int i = 0; i < SKIP_SIDES.size(); i++) {
                List<Tensor> one = skips(0);
                one.set(i, skips(1).get(i));
                Conditioning c = text().with(Residuals.ofSkips(one, torch.zeros(1, WIDTH, 4, 4)));
                assertThat(predict(unet, c).equal(plain)).as("skip %d", i).isFalse();
                assertThat(predict(blind, c)).as("skip %d", i).isSameAs(plainBlind);
            }
        }
    }

    private static boolean ofSkips(String name) {
        return name.matches("up_blocks.*(conv1|conv_shortcut).weight");
    }

    /** Each group norm has two groups of the hidden states and two of the skip. */
    private static Tensor blind(Tensor weight) {
        Tensor changed = weight.clone();
        changed.narrow(1, WIDTH, WIDTH).zero_();
        return changed;
    }

    /** In the last down block, which has no transformers, that is after all of it: the bias of its last convolution. */
    @Test
    void levelResidualsReachTheSkipAndWhatFollows() {
        try (TensorScope scope = TensorScope.open()) {
            RandomParameters random = new RandomParameters();
            Tensor added = noise(7, WIDTH);
            Parameters moved = (name, shape) -> name.equals("down_blocks.1.resnets.0.conv2.bias")
                    ? random.get(name, shape).add(added)
                    : random.get(name, shape);
            Tensor expected = predict(new UNet(CONFIG, moved), text());
            Residuals residuals = Residuals.ofLevels(List.of(
                    torch.zeros(1, WIDTH, 8, 8), added.view(1, WIDTH, 1, 1).expand(1, WIDTH, 4, 4)));
            assertThat(predict(new UNet(CONFIG, random), text().with(residuals)))
                    .isCloseTo(expected, 1e-5);
        }
    }

    /** In a down block with transformers, that is before its downsampler: the bias of its transformer's output. */
    @Test
    void levelResidualsAreAddedBeforeTheDownsamplerWhereThereAreTransformers() {
        try (TensorScope scope = TensorScope.open()) {
            RandomParameters random = new RandomParameters();
            Tensor added = noise(7, WIDTH);
            Parameters moved = (name, shape) -> name.equals("down_blocks.0.attentions.0.proj_out.bias")
                    ? random.get(name, shape).add(added)
                    : random.get(name, shape);
            Tensor expected = predict(new UNet(CONFIG, moved), text());
            Residuals residuals =
                    Residuals.ofLevels(List.of(added.view(1, WIDTH, 1, 1).expand(1, WIDTH, 8, 8)));
            assertThat(predict(new UNet(CONFIG, random), text().with(residuals)))
                    .isCloseTo(expected, 1e-5);
        }
    }

    @Test
    void residualsOfTwoNetworksAddUp() {
        try (TensorScope scope = TensorScope.open()) {
            UNet unet = new UNet(CONFIG, new RandomParameters());
            Residuals half = Residuals.ofSkips(skips(0.5), noise(5, 1, WIDTH, 4, 4));
            Residuals levels = Residuals.ofLevels(List.of(noise(6, 1, WIDTH, 8, 8)));
            Residuals whole = new Residuals(
                    skips(1), noise(5, 1, WIDTH, 4, 4).mul(new Scalar(2)), List.of(noise(6, 1, WIDTH, 8, 8)));
            assertThat(predict(unet, text().with(half).with(levels).with(half)))
                    .isCloseTo(predict(unet, text().with(whole)), 1e-5);
        }
    }

    /** A network around another, as a ControlNet is, computes residuals from x and t and hands them on. */
    @Test
    void aNetworkMayWrapAnother() {
        try (TensorScope scope = TensorScope.open()) {
            UNet unet = new UNet(CONFIG, new RandomParameters());
            Backbone wrapped = (x, timesteps, c) -> unet.predict(
                    x,
                    timesteps,
                    c.with(Residuals.ofSkips(
                            skips(0),
                            torch.full(
                                    new long[] {1, WIDTH, 4, 4},
                                    new Scalar(x.mean().item_double())))));
            assertThat(predict(wrapped, text()).equal(predict(unet, text()))).isFalse();
            Residuals mean = Residuals.ofSkips(
                    skips(0),
                    torch.full(
                            new long[] {1, WIDTH, 4, 4},
                            new Scalar(noise(2, 1, 4, 8, 8).mean().item_double())));
            assertThat(predict(wrapped, text())).isSameAs(predict(unet, text().with(mean)));
            assertThat(predict(new OnDevice(unet, Device.CPU), text().with(mean)))
                    .isSameAs(predict(wrapped, text()));
        }
    }

    private static ImageTokens imageTokens(Tensor tokens, Linear key, Linear value, double scale) {
        List<DecoupledAttention> layers = new ArrayList<>();
        for (int i = 0; i < CROSS_ATTENTIONS; i++) {
            layers.add(DecoupledAttention.of(tokens, key, value, 2, scale));
        }
        return new ImageTokens(layers);
    }

    /** By the text's own projections an image prompt that is the text doubles what the attention to it gives. */
    @Test
    void imageTokensEnterTheAttentionToTheText() {
        try (TensorScope scope = TensorScope.open()) {
            RandomParameters random = new RandomParameters();
            Linear key = new Linear(noise(8, WIDTH, 6), null);
            Linear value = new Linear(noise(9, WIDTH, 6), null);
            Parameters sameProjections = (name, shape) -> name.endsWith("attn2.to_k.weight")
                    ? key.weight()
                    : name.endsWith("attn2.to_v.weight") ? value.weight() : random.get(name, shape);
            Parameters twice = (name, shape) -> name.endsWith("attn2.to_v.weight")
                    ? value.weight().mul(new Scalar(1.5))
                    : sameProjections.get(name, shape);
            UNet unet = new UNet(CONFIG, sameProjections);
            Tensor tokens = text().tokens();
            Tensor prompted = predict(unet, text().with(imageTokens(tokens, key, value, 0.5)));
            assertThat(prompted).isCloseTo(predict(new UNet(CONFIG, twice), text()), 1e-5);
            assertThat(predict(unet, text().with(imageTokens(tokens, key, value, 0))))
                    .isSameAs(predict(unet, text()));
            assertThat(predict(
                            unet,
                            text().with(imageTokens(tokens, key, value, 0.25))
                                    .with(imageTokens(tokens, key, value, 0.25))))
                    .isCloseTo(prompted, 1e-5);
        }
    }

    /** Each layer takes the keys and values that are at its place in the order of running. */
    @Test
    void imageTokensAreTakenLayerByLayer() {
        try (TensorScope scope = TensorScope.open()) {
            RandomParameters random = new RandomParameters();
            Linear key = new Linear(noise(8, WIDTH, 6), null);
            Linear value = new Linear(noise(9, WIDTH, 6), null);
            List<String> layers = List.of("down_blocks.0", "mid_block", "up_blocks.1", "up_blocks.1");
            for (int i = 0; i < 2; i++) {
                String changed = layers.get(i) + ".attentions.0.transformer_blocks.0.attn2.";
                Parameters twice = (name, shape) -> name.equals(changed + "to_v.weight")
                        ? random.get(name, shape).mul(new Scalar(2))
                        : random.get(name, shape);
                List<DecoupledAttention> prompt = new ArrayList<>();
                for (int layer = 0; layer < CROSS_ATTENTIONS; layer++) {
                    prompt.add(DecoupledAttention.of(
                            text().tokens(),
                            layer == i ? new Linear(random.get(changed + "to_k.weight", WIDTH, 6), null) : key,
                            layer == i ? new Linear(random.get(changed + "to_v.weight", WIDTH, 6), null) : value,
                            2,
                            layer == i ? 1 : 0));
                }
                Tensor expected = predict(new UNet(CONFIG, twice), text());
                assertThat(predict(new UNet(CONFIG, random), text().with(new ImageTokens(prompt))))
                        .as(changed)
                        .isCloseTo(expected, 1e-5);
            }
        }
    }
}
