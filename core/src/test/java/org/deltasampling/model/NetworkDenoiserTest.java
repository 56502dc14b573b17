package org.deltasampling.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.deltasampling.TensorAssert.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.NoLeaks;
import org.deltasampling.diffusion.ClassifierFreeGuidance;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Parameterization;
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

    /** A network that looks at everything it is given: (b, c, h, w) times tokens' sum, and the timestep. */
    private static final Backbone NETWORK =
            (x, timesteps, told) -> x.mul(told.tokens().sum(2).sum(1).view(-1, 1, 1, 1))
                    .add(timesteps.sin())
                    .tanh();

    @ParameterizedTest
    @EnumSource(Parameterization.class)
    void guidanceInOneBatchIsGuidanceInTwo(Parameterization p) {
        try (TensorScope scope = TensorScope.open()) {
            Latent x = new SeededNoise(1).draw(3, 4, 8, 8);
            Conditioning with = told(2, 77);
            Conditioning without = told(3, 77);
            AtomicInteger asked = new AtomicInteger();
            Backbone counted = (y, timesteps, c) -> {
                asked.incrementAndGet();
                return NETWORK.predict(y, timesteps, c);
            };
            Denoiser apart = new ClassifierFreeGuidance(
                    new NetworkDenoiser(counted, p, with), new NetworkDenoiser(counted, p, without), 7.5);
            Latent expected = apart.denoise(x, LEVEL);
            assertThat(asked).hasValue(2);
            Denoiser together = NetworkDenoiser.guided(counted, p, with, without, 7.5);
            assertThat(together.denoise(x, LEVEL)).isCloseTo(expected, 1e-5);
            assertThat(asked).hasValue(3);
        }
    }

    @Test
    void promptsOfUnequalLengthAreAskedApart() {
        try (TensorScope scope = TensorScope.open()) {
            Latent x = new SeededNoise(1).draw(1, 4, 8, 8);
            Denoiser guided = NetworkDenoiser.guided(NETWORK, Parameterization.EPSILON, told(2, 154), told(3, 77), 7.5);
            assertThat(guided).isInstanceOf(ClassifierFreeGuidance.class);
            assertThat(guided.denoise(x, LEVEL)).hasShape(1, 4, 8, 8);
        }
    }

    private static Conditioning told(long seed, long tokens) {
        Tensor text = new SeededNoise(seed).draw(1, tokens, 6).tensor();
        return new Conditioning(text.div(new Scalar(20)));
    }
}
