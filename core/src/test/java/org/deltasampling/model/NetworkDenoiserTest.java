package org.deltasampling.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.deltasampling.TensorAssert.assertThat;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.NoLeaks;
import org.deltasampling.diffusion.ClassifierFreeGuidance;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.nn.DecoupledAttention;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(NoLeaks.class)
class NetworkDenoiserTest {

    private static final NoiseLevel LEVEL = NoiseLevel.preserving(321.5, 2);

    /** A network that depends on all of its inputs: (b, c, h, w) times the tokens' sum, and the timestep. */
    private static final Backbone NETWORK =
            (x, timesteps, c) -> x.mul(c.tokens().sum(2).sum(1).view(-1, 1, 1, 1))
                    .add(timesteps.sin())
                    .tanh();

    @ParameterizedTest
    @EnumSource(Parameterization.class)
    void guidanceInOneBatchIsGuidanceInTwo(Parameterization p) {
        try (TensorScope scope = TensorScope.open()) {
            Latent x = new SeededNoise(1).draw(3, 4, 8, 8);
            Conditioning conditional = text(2, 77);
            Conditioning unconditional = text(3, 77);
            AtomicInteger passes = new AtomicInteger();
            Backbone counted = (y, timesteps, c) -> {
                passes.incrementAndGet();
                return NETWORK.predict(y, timesteps, c);
            };
            Denoiser apart = new ClassifierFreeGuidance(
                    new NetworkDenoiser(counted, p, conditional), new NetworkDenoiser(counted, p, unconditional), 7.5);
            Latent expected = apart.denoise(x, LEVEL);
            assertThat(passes).hasValue(2);
            Denoiser together = NetworkDenoiser.guided(counted, p, conditional, unconditional, 7.5);
            assertThat(together.denoise(x, LEVEL)).isCloseTo(expected, 1e-5);
            assertThat(passes).hasValue(3);
        }
    }

    @Test
    void promptsOfUnequalLengthAreDenoisedApart() {
        try (TensorScope scope = TensorScope.open()) {
            Latent x = new SeededNoise(1).draw(1, 4, 8, 8);
            Denoiser guided = NetworkDenoiser.guided(NETWORK, Parameterization.EPSILON, text(2, 154), text(3, 77), 7.5);
            assertThat(guided).isInstanceOf(ClassifierFreeGuidance.class);
            assertThat(guided.denoise(x, LEVEL)).hasShape(1, 4, 8, 8);
        }
    }

    /** Residuals and image prompts are joined like the text, and repeated for each image of a batch. */
    @Test
    void whatAdaptersAddIsGuidedInOneBatchToo() {
        try (TensorScope scope = TensorScope.open()) {
            Backbone network = (x, timesteps, c) -> x.add(Objects.requireNonNull(
                            Objects.requireNonNull(c.residuals()).middle()))
                    .mul(c.imageLayers(timesteps)
                            .get(0)
                            .get(0)
                            .keys()
                            .sum(3)
                            .sum(2)
                            .sum(1)
                            .view(-1, 1, 1, 1));
            Latent x = new SeededNoise(1).draw(3, 4, 8, 8);
            Conditioning conditional = adapted(2, 0.5);
            Conditioning unconditional = adapted(3, 0.5);
            Denoiser apart = new ClassifierFreeGuidance(
                    new NetworkDenoiser(network, Parameterization.EPSILON, conditional),
                    new NetworkDenoiser(network, Parameterization.EPSILON, unconditional),
                    7.5);
            Denoiser together =
                    NetworkDenoiser.guided(network, Parameterization.EPSILON, conditional, unconditional, 7.5);
            assertThat(together).isNotInstanceOf(ClassifierFreeGuidance.class);
            assertThat(together.denoise(x, LEVEL)).isCloseTo(apart.denoise(x, LEVEL), 1e-5);
            assertThat(conditional.fits(adapted(3, 1))).isFalse();
            assertThat(conditional.fits(text(3, 77))).isFalse();
            Conditioning zeroed = conditional.zeroed();
            assertThat(zeroed.residuals()).isSameAs(conditional.residuals());
            assertThat(zeroed.imagePrompts()).isEqualTo(conditional.imagePrompts());
        }
    }

    private static Conditioning adapted(long seed, double scale) {
        SeededNoise noise = new SeededNoise(seed);
        DecoupledAttention layer = new DecoupledAttention(
                noise.draw(1, 2, 4, 3).tensor(), noise.draw(1, 2, 4, 3).tensor(), scale);
        return text(seed, 77)
                .with(Residuals.ofSkips(List.of(), noise.draw(1, 4, 8, 8).tensor()))
                .with(new ImageTokens(List.of(layer)));
    }

    private static Conditioning text(long seed, long tokens) {
        Tensor text = new SeededNoise(seed).draw(1, tokens, 6).tensor();
        return new Conditioning(text.div(new Scalar(20)));
    }
}
