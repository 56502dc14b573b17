package org.deltasampling.model.ipadapter;

import static org.deltasampling.TensorAssert.assertThat;

import java.util.List;
import org.assertj.core.api.Assertions;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.IpAdapterFixtures;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.diffusion.ClassifierFreeGuidance;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.NetworkDenoiser;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What holds of any adapter, whatever its weights are. */
@ExtendWith(NoLeaks.class)
class IpAdapterTest {

    private static Conditioning text() {
        return new Conditioning(
                noise(1, 1, 5, 12), noise(2, 1, 8), Tensor.create(new float[] {64, 64, 0, 0, 64, 64}, 1, 6));
    }

    private static Tensor noise(long seed, long... shape) {
        return new SeededNoise(seed).draw(shape).tensor();
    }

    private static Tensor predicted(AdaptedFixture adapted, Conditioning c) {
        return adapted.network().predict(noise(3, 1, 4, 8, 8), Tensor.create(500f), c);
    }

    private static Conditioning with(AdaptedFixture adapted, double weight, String... images) {
        return with(adapted, text(), weight, images);
    }

    private static Conditioning with(AdaptedFixture adapted, Conditioning c, double weight, String... images) {
        List<ImageTensor> all =
                List.of(images).stream().map(IpAdapterFixtures::image).toList();
        return c.with(adapted.adapter().prompts(all, weight).conditional());
    }

    @Test
    void aWeightOfZeroChangesNothing() {
        for (AdaptedFixture fixture : List.of(AdaptedFixture.xl("plus"), AdaptedFixture.sd3())) {
            try (AdaptedFixture adapted = fixture;
                    TensorScope scope = TensorScope.open()) {
                Tensor plain = predicted(adapted, text());
                assertThat(predicted(adapted, with(adapted, 0, "a"))).isSameAs(plain);
                Assertions.assertThat(TensorAssert.error(predicted(adapted, with(adapted, 0.1, "a")), plain))
                        .isGreaterThan(1e-3);
            }
        }
    }

    /** Attention to each prompt is added, so that two of one image are one with the sum of their weights. */
    @Test
    void weightsOfPromptsAdd() {
        for (AdaptedFixture fixture : List.of(AdaptedFixture.xl("plus"), AdaptedFixture.sd3())) {
            try (AdaptedFixture adapted = fixture;
                    TensorScope scope = TensorScope.open()) {
                Tensor twice = predicted(adapted, with(adapted, with(adapted, 0.5, "a"), 0.25, "a"));
                assertThat(twice).isCloseTo(predicted(adapted, with(adapted, 0.75, "a")), 1e-5);
            }
        }
    }

    /** Attention to tokens that are there twice is attention to these tokens. */
    @Test
    void anImageTwiceInOnePromptIsTheImage() {
        try (AdaptedFixture adapted = AdaptedFixture.xl("full-face");
                TensorScope scope = TensorScope.open()) {
            assertThat(predicted(adapted, with(adapted, 0.5, "a", "a")))
                    .isCloseTo(predicted(adapted, with(adapted, 0.5, "a")), 1e-5);
        }
    }

    @Test
    void guidanceInOneBatchIsGuidanceApart() {
        for (AdaptedFixture fixture : List.of(AdaptedFixture.xl("plain"), AdaptedFixture.sd3())) {
            try (AdaptedFixture adapted = fixture;
                    TensorScope scope = TensorScope.open()) {
                List<ImageTensor> images = List.of(IpAdapterFixtures.image("a"), IpAdapterFixtures.image("b"));
                IpAdapter.Prompts prompts = adapted.adapter().prompts(images, 0.5);
                Conditioning conditional = text().with(prompts.conditional());
                Conditioning unconditional = text().with(prompts.unconditional());
                Denoiser together = NetworkDenoiser.guided(
                        adapted.network(), Parameterization.EPSILON, conditional, unconditional, 7.5);
                Assertions.assertThat(together).isNotInstanceOf(ClassifierFreeGuidance.class);
                Denoiser apart = new ClassifierFreeGuidance(
                        new NetworkDenoiser(adapted.network(), Parameterization.EPSILON, conditional),
                        new NetworkDenoiser(adapted.network(), Parameterization.EPSILON, unconditional),
                        7.5);
                Latent x = new SeededNoise(4).draw(2, 4, 8, 8);
                NoiseLevel level = new NoiseLevel(500, 1, 0.7);
                assertThat(together.denoise(x, level)).isCloseTo(apart.denoise(x, level), 1e-5);
                for (IpAdapter.Prompts other : List.of(
                        adapted.adapter().prompts(images, 0.4),
                        adapted.adapter().prompts(images.subList(0, 1), 0.5))) {
                    Assertions.assertThat(prompts.conditional().alike(other.conditional()))
                            .isFalse();
                }
            }
        }
    }
}
