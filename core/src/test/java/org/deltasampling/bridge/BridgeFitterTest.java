package org.deltasampling.bridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.deltasampling.TensorAssert.assertThat;

import java.util.Random;
import java.util.function.UnaryOperator;
import org.deltasampling.NoLeaks;
import org.deltasampling.delta.LatentBridge;
import org.deltasampling.tensor.FixedNoise;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.LatentSize;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The fit of docs/method.md 2.5 finds what is there and says how much that is; the way by images is right where that is plain. */
@ExtendWith(NoLeaks.class)
class BridgeFitterTest {

    private static final ChannelMap WIDE = some(6, 3, 1, 1);
    private static final ChannelMap NARROW = some(4, 3, 1, 2);

    private static ChannelMap some(int outputs, int inputs, int side, long seed) {
        Random random = new Random(seed);
        return new ChannelMap(
                outputs,
                inputs,
                side,
                random.doubles((long) outputs * inputs * side * side, -0.5, 0.5).toArray(),
                random.doubles(outputs, -1, 1).toArray());
    }

    /** Fits to pairs of noise of {@code channels} and what {@code change} makes of it. */
    private static BridgeFit fitted(int channels, int outputs, int side, UnaryOperator<Latent> change) {
        BridgeFitter fitter = new BridgeFitter(channels, outputs, side);
        SeededNoise noise = new SeededNoise(1);
        for (int i = 0; i < 50; i++) {
            Latent target = noise.draw(1, channels, 12, 12);
            fitter.add(target, change.apply(target));
        }
        return fitter.fit();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void findsTheMapThatIsThere(int side) {
        try (TensorScope scope = TensorScope.open()) {
            ChannelMap truth = some(4, 5, side, 3);
            BridgeFit fit = fitted(5, 4, side, truth::apply);
            assertThat(fit.explainedThere().whole()).isGreaterThan(0.999);
            assertThat(fit.explainedThere().channels()).hasSize(4).allMatch(channel -> channel > 0.999);
            assertThat(fit.explainedBack().channels()).hasSize(5);
            assertThat(fit.there().side()).isEqualTo(side);
            assertThat(fit.there().bias()).containsExactly(truth.bias(), within(0.01));
            assertThat(fit.there().weights()).containsExactly(truth.weights(), within(0.01)); // a penalty holds it down
            assertThat(fit.explained()).isEqualTo(fit.explainedBack().whole()); // four channels do not tell five
            assertThat(fit.reversed().explainedThere()).isEqualTo(fit.explainedBack());
        }
    }

    /** The fit goes by what latents share, not by how they are scaled. */
    @Test
    void scalesAreNoMatter() {
        try (TensorScope scope = TensorScope.open()) {
            SeededNoise noise = new SeededNoise(1);
            BridgeFitter small = new BridgeFitter(4, 4, 3);
            BridgeFitter large = new BridgeFitter(4, 4, 3);
            for (int i = 0; i < 20; i++) {
                Latent x = noise.draw(1, 4, 8, 8);
                Latent y = x.plus(0.5, noise.draw(1, 4, 8, 8));
                small.add(x.times(0.01), y);
                large.add(x, y.times(10));
            }
            assertThat(small.fit().explained()).isCloseTo(large.fit().explained(), within(1e-4));
        }
    }

    /** Of y = x + noise of equal variance, x explains a half; of what has nothing to do with it, nothing. */
    @Test
    void saysHowMuchIsExplained() {
        try (TensorScope scope = TensorScope.open()) {
            SeededNoise other = new SeededNoise(2);
            BridgeFit half = fitted(4, 4, 1, x -> x.plus(other.draw(x.shape())));
            assertThat(half.explainedThere().whole()).isCloseTo(0.5, within(0.02));
            assertThat(half.explainedThere().channels())
                    .allSatisfy(c -> assertThat(c).isCloseTo(0.5, within(0.05)));
            BridgeFit nothing = fitted(4, 4, 3, x -> other.draw(x.shape()));
            assertThat(nothing.explained()).isCloseTo(0, within(0.05)).isLessThan(BridgeFit.USELESS);
            assertThat(fitted(4, 4, 1, x -> x.times(0)).explained()).isCloseTo(0, within(0.01));
        }
    }

    /** The seen explain more than the held-out: figures of the seen would flatter a fit to few images. */
    @Test
    void whatItExplainsIsWhatItWasNotFittedTo() {
        try (TensorScope scope = TensorScope.open()) {
            SeededNoise noise = new SeededNoise(1);
            BridgeFitter fitter = new BridgeFitter(16, 1, 1);
            for (int i = 0; i < 5; i++) {
                fitter.add(noise.draw(1, 16, 2, 2), noise.draw(1, 1, 2, 2));
            }
            assertThat(fitter.fit().explainedThere().whole()).isNegative();
        }
    }

    @Test
    void fitsLatentsOfDifferentSizes() {
        try (TensorScope scope = TensorScope.open()) {
            ChannelMap truth = some(4, 4, 1, 3);
            BridgeFit fit = fitted(4, 4, 1, x -> truth.apply(x.resized(new LatentSize(6, 6))));
            assertThat(fit.explainedBack().channels()).hasSize(4);
            assertThat(fitted(4, 4, 1, x -> truth.apply(x).resized(new LatentSize(24, 24)))
                            .explainedThere()
                            .whole())
                    .isGreaterThan(0.7);
        }
    }

    @Test
    void tooFewPairsAreNoFit() {
        assertThatThrownBy(() -> new BridgeFitter(4, 4, 1).fit()).isInstanceOf(IllegalStateException.class);
    }

    /** An autoencoder whose latents are {@code map} of the image. */
    private record Linear(ChannelMap map) implements Autoencoder {

        @Override
        public Latent encode(ImageTensor image) {
            return map.apply(new Latent(image.tensor()));
        }

        @Override
        public ImageTensor decode(Latent latents) {
            return new ImageTensor(map.inverse().apply(latents).tensor());
        }
    }

    @Test
    void theRoundTripGoesThroughPixels() {
        try (TensorScope scope = TensorScope.open()) {
            PixelSize size = new PixelSize(12, 8);
            Autoencoder target = new Linear(WIDE);
            Autoencoder source = new Linear(NARROW);
            BridgeFit fit = BridgeFitter.toFields(target, source, size, 1, 5);
            LatentBridge bridge = LatentBridges.roundTrip(target, size, source, size, fit.ofNoise(FixedNoise.of(5)));
            ImageTensor image =
                    new ImageTensor(new SeededNoise(1).draw(1, 3, 8, 12).tensor());
            ImageTensor other =
                    new ImageTensor(new SeededNoise(2).draw(1, 3, 8, 12).tensor());
            assertThat(bridge.toSource(target.encode(image))).isCloseTo(source.encode(image), 1e-5);
            assertThat(bridge.back(source.encode(image), source.encode(other)))
                    .isCloseTo(target.encode(image).minus(target.encode(other)), 1e-5);
            assertThat(fit.explained()).isGreaterThan(0.95); // linear autoencoders make a linear bridge
            assertThat(bridge.gain()).isCloseTo(1, within(1e-6)); // turned, not shrunk
            assertThat(bridge.noise(target.encode(other)))
                    .isCloseTo(fit.bridge(FixedNoise.of(5)).noise(target.encode(other)), 0);
        }
    }

    @Test
    void theRoundTripResizesImages() {
        try (TensorScope scope = TensorScope.open()) {
            PixelSize size = new PixelSize(12, 8);
            PixelSize half = new PixelSize(6, 4);
            Autoencoder target = new Linear(WIDE);
            Autoencoder source = new Linear(NARROW);
            LatentBridge ofNoise = LatentBridges.resized(
                    BridgeFitter.toFields(target, source, size, 1, 5).bridge(FixedNoise.of(5)),
                    new LatentSize(12, 8),
                    new LatentSize(6, 4),
                    FixedNoise.of(6));
            LatentBridge bridge = LatentBridges.roundTrip(target, size, source, half, ofNoise);
            ImageTensor image =
                    new ImageTensor(new SeededNoise(1).draw(1, 3, 8, 12).tensor());
            Latent there = bridge.toSource(target.encode(image));
            assertThat(there).isCloseTo(source.encode(image.resized(half)), 1e-5);
            assertThat(bridge.noise(new SeededNoise(1).draw(1, 6, 8, 12)).shape())
                    .containsExactly(1, 4, 4, 6);
            assertThat(bridge.back(there, there.times(0)).shape()).containsExactly(1, 6, 8, 12);
            assertThat(bridge.gain()).isEqualTo(ofNoise.gain());
        }
    }
}
