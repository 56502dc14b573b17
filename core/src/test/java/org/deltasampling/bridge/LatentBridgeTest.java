package org.deltasampling.bridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.deltasampling.TensorAssert.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.delta.BentGaussian;
import org.deltasampling.delta.Delta;
import org.deltasampling.delta.DeltaDenoiser;
import org.deltasampling.delta.DeltaPolicy;
import org.deltasampling.delta.HoldPolicy;
import org.deltasampling.delta.LatentBridge;
import org.deltasampling.delta.Source;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.FlowSchedule;
import org.deltasampling.diffusion.LevelRange;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.Step;
import org.deltasampling.diffusion.TrainedSchedule;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.sampling.SamplingPlan;
import org.deltasampling.sampling.StepListener;
import org.deltasampling.tensor.FixedNoise;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.LatentSize;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The laws of bridges and level policies (docs/method.md 1.4, 2 and 8.1), on denoisers simple enough to be sure of. */
@ExtendWith(NoLeaks.class)
class LatentBridgeTest {

    private static final SchedulerConfig SD = SchedulerConfig.stableDiffusion(Parameterization.EPSILON);

    private static final TrainedSchedule TRAINED = SD.diffusion();

    private static Denoiser model(double m, double s, double bend) {
        return BentGaussian.of(m, s, n -> bend);
    }

    private static final Denoiser BASE = model(0.3, 1, 0.01);
    private static final Denoiser ADAPTED = model(-0.4, 0.7, 0.02);
    private static final Denoiser REST = model(1.5, 0.3, 0.1);

    /** {@code wide / narrow} orthonormal columns, as a map from {@code narrow} to {@code wide} channels. */
    private static ChannelMap orthonormal(int wide, int narrow) {
        Random random = new Random(1);
        double[][] columns = new double[narrow][];
        for (int i = 0; i < narrow; i++) {
            double[] c = random.doubles(wide, -1, 1).toArray();
            for (int j = 0; j < i; j++) {
                double along = dot(c, columns[j]);
                for (int k = 0; k < wide; k++) {
                    c[k] -= along * columns[j][k];
                }
            }
            double length = Math.sqrt(dot(c, c));
            columns[i] = Arrays.stream(c).map(v -> v / length).toArray();
        }
        double[][] rows = new double[wide][narrow];
        for (int k = 0; k < wide; k++) {
            for (int i = 0; i < narrow; i++) {
                rows[k][i] = columns[i][k];
            }
        }
        return ChannelMap.of(rows);
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    /** A denoiser of many channels that does in the directions of {@code out} what {@code few} does, elsewhere {@code rest}. */
    private static Denoiser embedded(ChannelMap out, ChannelMap in, Denoiser few, Denoiser rest) {
        return (x, n) -> {
            Latent seen = out.apply(few.denoise(in.apply(x), n));
            Latent other = rest.denoise(x, n);
            return seen.plus(other.minus(out.apply(in.apply(other))));
        };
    }

    private static Latent sampled(Denoiser denoiser, String sampler, int channels) {
        SamplingPlan plan = SamplingPlan.of(sampler, "normal", SD, 8);
        return plan.sampler()
                .sample(
                        denoiser,
                        plan.start(new SeededNoise(3).draw(2, channels, 6, 6)),
                        plan.plan(),
                        new SeededNoise(4)::draw,
                        StepListener.NONE);
    }

    private static Denoiser delta(Denoiser target, Denoiser base, Denoiser adapted, LatentBridge bridge) {
        return new DeltaDenoiser(target, new Delta(new Source(base, TRAINED, bridge), adapted, 1));
    }

    /** Four channels see a source of sixteen through orthonormal columns: the trajectory of one space of four. */
    @ParameterizedTest
    @ValueSource(strings = {"euler", "dpmpp-2m", "euler-ancestral", "unipc"})
    void fourChannelsToSixteenAreOneSpace(String sampler) {
        try (TensorScope scope = TensorScope.open()) {
            ChannelMap out = orthonormal(16, 4);
            ChannelMap in = out.inverse();
            Denoiser target = model(0.5, 0.9, 0.015);
            Latent expected = sampled(delta(target, BASE, ADAPTED, LatentBridge.SAME), sampler, 4);
            Latent through = sampled(
                    delta(
                            target,
                            embedded(out, in, BASE, REST),
                            embedded(out, in, ADAPTED, REST),
                            LatentBridges.linear(out, in, FixedNoise.of(9))),
                    sampler,
                    4);
            assertThat(through).isCloseTo(expected, 1e-5);
        }
    }

    /** Sixteen channels see a source of four through orthonormal rows: the trajectory of one space of sixteen. */
    @ParameterizedTest
    @ValueSource(strings = {"euler", "dpmpp-2m", "euler-ancestral", "unipc"})
    void sixteenChannelsToFourAreOneSpace(String sampler) {
        try (TensorScope scope = TensorScope.open()) {
            ChannelMap out = orthonormal(16, 4);
            ChannelMap in = out.inverse();
            Denoiser target = model(0.5, 0.9, 0.015);
            Latent expected = sampled(
                    delta(target, embedded(out, in, BASE, REST), embedded(out, in, ADAPTED, REST), LatentBridge.SAME),
                    sampler,
                    16);
            Latent through =
                    sampled(delta(target, BASE, ADAPTED, LatentBridges.linear(in, out, FixedNoise.of(9))), sampler, 16);
            assertThat(through).isCloseTo(expected, 1e-5);
        }
    }

    /** A source that sees block means is one space with a target whose pixels it means, at a quarter of the noise variance. */
    @Test
    void aSourceOfHalfTheSizeIsOneSpace() {
        try (TensorScope scope = TensorScope.open()) {
            Denoiser target = model(0.5, 0.9, 0.015);
            LatentBridge half = LatentBridges.resized(
                    LatentBridge.SAME, new LatentSize(6, 6), new LatentSize(3, 3), FixedNoise.of(5));
            assertThat(half.gain()).isEqualTo(0.5);
            LevelRange everywhere = LevelRange.of(0, 1e9, kappa -> NoiseLevel.preserving(0, kappa));
            Denoiser through = new DeltaDenoiser(target, new Delta(new Source(BASE, everywhere, half), ADAPTED, 1));
            Denoiser one = (x, n) -> {
                NoiseLevel m = everywhere.level(n.kappa() / 2);
                Latent y = x.times(1 / n.alpha()).resized(new LatentSize(3, 3)).times(m.alpha());
                Latent difference = ADAPTED.denoise(y, m).minus(BASE.denoise(y, m));
                return target.denoise(x, n).plus(difference.resized(new LatentSize(6, 6)));
            };
            assertThat(sampled(through, "dpmpp-2m", 4)).isCloseTo(sampled(one, "dpmpp-2m", 4), 1e-5);
        }
    }

    @ParameterizedTest
    @CsvSource({"16, 4", "4, 16", "16, 16"})
    void noiseStaysWhiteAcrossChannels(int from, int to) {
        try (TensorScope scope = TensorScope.open()) {
            Random random = new Random(2);
            double[][] any = Stream.generate(() -> random.doubles(from, -1, 1).toArray())
                    .limit(to)
                    .toArray(double[][]::new);
            Latent noise = LatentBridges.linear(
                            ChannelMap.of(any), ChannelMap.of(any).inverse(), FixedNoise.of(7))
                    .noise(new SeededNoise(1).draw(1, from, 300, 300));
            assertWhite(noise.tensor().reshape(to, -1));
        }
    }

    /** A map of rank 3, as colours have, leaves one direction of four empty. */
    @Test
    void noiseStaysWhiteWhereTheMapLosesSomething() {
        try (TensorScope scope = TensorScope.open()) {
            LatentBridge colours = LatentBridges.colours(SD15_COLOURS, SDXL_COLOURS, FixedNoise.of(7));
            assertWhite(colours.noise(new SeededNoise(1).draw(1, 4, 300, 300))
                    .tensor()
                    .reshape(4, -1));
        }
    }

    @ParameterizedTest
    @CsvSource({"64, 64, 32, 32", "32, 32, 64, 64", "48, 48, 32, 64", "32, 64, 48, 16"})
    void noiseStaysWhiteAcrossSizes(int fromHeight, int fromWidth, int toHeight, int toWidth) {
        try (TensorScope scope = TensorScope.open()) {
            Latent noise = LatentBridges.resized(
                            LatentBridge.SAME,
                            new LatentSize(fromWidth, fromHeight),
                            new LatentSize(toWidth, toHeight),
                            FixedNoise.of(3))
                    .noise(new SeededNoise(1).draw(400, 4, fromHeight, fromWidth));
            assertThat(noise.shape()).containsExactly(400, 4, toHeight, toWidth);
            // neighbours in a 4x4 patch, at every place where it fits
            List<Tensor> shifted = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                shifted.add(noise.tensor()
                        .narrow(2, i / 4, toHeight - 3)
                        .narrow(3, i % 4, toWidth - 3)
                        .reshape(1, -1));
            }
            assertWhite(torch.cat(new TensorVector(shifted.toArray(Tensor[]::new)), 0));
        }
    }

    private static void assertWhite(Tensor rows) {
        Tensor covariance = rows.matmul(rows.t()).div(new Scalar((double) rows.size(1)));
        double error = covariance.sub(torch.eye(rows.size(0))).abs().max().item_double();
        assertThat(error).isLessThan(0.02);
    }

    @Test
    void aBridgeGivesTheSameNoiseForTheSame() {
        try (TensorScope scope = TensorScope.open()) {
            LatentBridge bridge = LatentBridges.resized(
                    LatentBridges.linear(orthonormal(16, 4), orthonormal(16, 4).inverse(), FixedNoise.of(9)),
                    new LatentSize(4, 4),
                    new LatentSize(8, 8),
                    FixedNoise.of(9));
            Latent noise = new SeededNoise(1).draw(1, 4, 4, 4);
            assertThat(bridge.noise(noise).sameBits(bridge.noise(noise))).isTrue();
        }
    }

    @Test
    void aMapOfNeighboursMirrorsAtTheEdges() {
        try (TensorScope scope = TensorScope.open()) {
            double[] weights = {0, 1, 0, 0, 0, 0, 0, 0, 0}; // the one above
            ChannelMap above = new ChannelMap(1, 1, 3, weights, new double[] {10});
            Latent x = new Latent(Tensor.create(new double[] {1, 2, 3, 4, 5, 6}, 1, 1, 3, 2));
            assertThat(above.apply(x).values()).containsExactly(13, 14, 11, 12, 13, 14);
            assertThat(above.applyToDifference(x).values()).containsExactly(3, 4, 1, 2, 3, 4);
            assertThat(above.polar().gain()).isEqualTo(1);
        }
    }

    @Test
    void aMapOfTheWrongNumbersIsRefused() {
        assertThatThrownBy(() -> new ChannelMap(2, 2, 1, new double[3], new double[2]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("3 weights");
    }

    private static final ChannelMap SD15_COLOURS = colours(4, 0.18215, 0);
    private static final ChannelMap SDXL_COLOURS = colours(4, 0.13025, 0);
    private static final ChannelMap SD3_COLOURS = colours(16, 1.5305, 0.0609);

    private static ChannelMap colours(long channels, double scale, double shift) {
        return LatentColours.of(new LatentSpace(channels, 8, scale, shift)).orElseThrow();
    }

    private static Stream<Arguments> pairsOfColours() {
        List<ChannelMap> all = List.of(SD15_COLOURS, SDXL_COLOURS, SD3_COLOURS);
        return all.stream().flatMap(target -> all.stream().map(source -> Arguments.of(target, source)));
    }

    /** What is meant as a colour is the colour that arrives, there and back. */
    @ParameterizedTest
    @MethodSource("pairsOfColours")
    void theBridgeOfColoursKeepsColours(ChannelMap target, ChannelMap source) {
        try (TensorScope scope = TensorScope.open()) {
            LatentBridge bridge = LatentBridges.colours(target, source, FixedNoise.of(0));
            Latent clean = new SeededNoise(1).draw(1, target.inputs(), 5, 5);
            Latent there = bridge.toSource(clean);
            assertThat(source.apply(there)).isCloseTo(target.apply(clean), 1e-5);
            Latent moved = there.plus(new SeededNoise(2).draw(1, source.inputs(), 5, 5));
            assertThat(target.applyToDifference(bridge.back(moved, there)))
                    .isCloseTo(source.applyToDifference(moved.minus(there)), 1e-5);
        }
    }

    /** The table of docs/method.md 2.3: what the authors' identity makes of colours between SD-1.5 and SD-XL. */
    @ParameterizedTest
    @CsvSource({
        "1, 1, 1, 0.34, 0.91, 1.29, 0.96",
        "1, -0.5, -0.5, -0.04, -0.13, 1.75, 0.43",
        "-0.5, -0.5, 1, -0.35, -0.45, -2.63, -0.57",
        "-0.5, 1, -0.5, 0.17, 0.17, 3.98, 0.56"
    })
    void theUnscaledIdentityTurnsColours(
            double r, double g, double b, double gain, double cosine, double gainBack, double cosineBack) {
        try (TensorScope scope = TensorScope.open()) {
            Latent meant = new Latent(Tensor.create(new double[] {r, g, b}, 1, 3, 1, 1));
            LatentBridge toXl = LatentBridge.unscaled(0.13025, 0, 0.18215, 0); // the source's delta, in the target
            LatentBridge toSd15 = LatentBridge.unscaled(0.18215, 0, 0.13025, 0);
            assertColour(meant, arrived(meant, SD15_COLOURS, toXl, SDXL_COLOURS), gain, cosine);
            assertColour(meant, arrived(meant, SDXL_COLOURS, toSd15, SD15_COLOURS), gainBack, cosineBack);
        }
    }

    private static Latent arrived(Latent meant, ChannelMap source, LatentBridge bridge, ChannelMap target) {
        Latent delta = source.inverse().applyToDifference(meant);
        return target.applyToDifference(bridge.back(delta, delta.times(0)));
    }

    private static void assertColour(Latent meant, Latent arrived, double gain, double cosine) {
        double along = meant.tensor().mul(arrived.tensor()).sum().item_double();
        assertThat(along / (meant.norm() * meant.norm())).isCloseTo(gain, within(0.006));
        assertThat(along / (meant.norm() * arrived.norm())).isCloseTo(cosine, within(0.006));
    }

    // ---- levels beyond the source's

    private static final LevelRange MIDDLE = LevelRange.of(1, 5, kappa -> NoiseLevel.preserving(kappa, kappa));

    private static List<Double> asked(DeltaPolicy policy) {
        List<Double> levels = new ArrayList<>();
        Denoiser target = (x, n) -> x.times(0);
        Denoiser adapted = (x, n) -> {
            levels.add((double) Math.round(n.timestep()));
            return x.times(0).plus(levels.size());
        };
        Delta delta = new Delta(new Source(target, MIDDLE, LatentBridge.SAME), adapted, policy);
        Denoiser denoiser = new DeltaDenoiser(target, delta);
        List<Double> answers = new ArrayList<>();
        List<Step> steps = Stream.of(20.0, 8.0, 4.0, 2.0, 0.5, 0.1)
                .map(kappa -> new Step(FlowSchedule.shifted(1000, 3).level(kappa), NoiseLevel.NO_NOISE))
                .toList();
        TensorScope.fold(new SeededNoise(1).draw(1, 1, 1, 1), steps, (x, step) -> {
            answers.add((double) denoiser.denoise(x, step.from()).values()[0]);
            return x.times(1);
        });
        answers.addAll(levels);
        return answers;
    }

    /** The answers at six levels, two of them known, and then the levels that the source was asked for. */
    @Test
    void policiesForLevelsThatTheSourceDoesNotKnow() {
        try (TensorScope scope = TensorScope.open();
                HoldPolicy hold = new HoldPolicy()) {
            assertThat(asked(DeltaPolicy.SKIP)).containsExactly(0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 4.0, 2.0);
            assertThat(asked(DeltaPolicy.CLAMP))
                    .containsExactly(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 5.0, 5.0, 4.0, 2.0, 1.0, 1.0);
            assertThat(asked(hold)).containsExactly(1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 5.0, 4.0, 2.0);
        }
    }

    @Test
    void aPureNoiseLevelOfAFlowIsNoTrouble() {
        try (TensorScope scope = TensorScope.open()) {
            NoiseLevel pure = FlowSchedule.shifted(1000, 3).level(Double.POSITIVE_INFINITY);
            assertThat(pure).isEqualTo(new NoiseLevel(1000, 1, 0));
            Delta delta = new Delta(
                    new Source(
                            BASE,
                            TRAINED,
                            LatentBridges.linear(
                                    orthonormal(16, 4), orthonormal(16, 4).inverse(), FixedNoise.of(1))),
                    ADAPTED,
                    DeltaPolicy.CLAMP);
            Latent guess = new DeltaDenoiser(model(0, 1, 0), delta).denoise(new SeededNoise(1).draw(1, 4, 4, 4), pure);
            assertThat(Double.isFinite(guess.norm())).isTrue();
            Source flow = new Source(BASE, FlowSchedule.shifted(1000, 3), LatentBridge.SAME);
            assertThat(flow.knows(pure)).isTrue();
        }
    }

    /** The ends of two schedules that are the same but for rounding are the same. */
    @Test
    void roundingPutsNoLevelOutside() {
        assertThat(TRAINED.covers(TRAINED.highest() * (1 + 1e-7))).isTrue();
        assertThat(TRAINED.covers(TRAINED.lowest() * (1 - 1e-7))).isTrue();
        assertThat(TRAINED.covers(15)).isFalse();
        assertThat(TRAINED.whole().level(1.617).timestep()).isEqualTo(500);
    }
}
