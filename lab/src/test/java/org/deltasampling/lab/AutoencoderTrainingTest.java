package org.deltasampling.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.train.TrainableParameters;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is done to an autoencoder besides training it. */
@ExtendWith(NoLeaks.class)
class AutoencoderTrainingTest {

    @ParameterizedTest
    @EnumSource
    void normalisingChangesTheLatentsAndNotTheImages(AutoencoderKind kind) {
        torch.manual_seed(5);
        SplittableRandom random = new SplittableRandom(5);
        AutoencoderTraining training = new AutoencoderTraining(kind);
        try (Images images =
                        Images.draw(16, () -> Drawing.random(Drawing.Domain.TARGET, random), List.of(Style.values()));
                TrainableParameters model = training.initialised();
                TensorScope scope = TensorScope.open()) {
            AutoencoderKl autoencoder = new AutoencoderKl(kind.config(), model);
            ImageTensor image = new ImageTensor(images.range(0, 4));
            AutoencoderKl.Moments before = autoencoder.encode(image);
            Tensor decoded = autoencoder.decode(before.mean()).tensor();
            Tensor sharpness =
                    before.logVariance().sub(variance(before.mean().tensor()).log());

            training.normalise(model, images);

            AutoencoderKl.Moments after = autoencoder.encode(image);
            if (kind.config()
                    .latents()
                    .postQuantConv()) { // a first layer that sees neighbours sees zeros around the latents
                TensorAssert.assertThat(autoencoder.decode(after.mean()).tensor())
                        .isCloseTo(decoded, 1e-4);
            }
            TensorAssert.assertThat(after.logVariance()
                            .sub(variance(after.mean().tensor()).log()))
                    .isCloseTo(sharpness, 1e-4);
            Tensor all = autoencoder
                    .latentSpace()
                    .rescale(new Latent(CaptionedLatents.means(images, autoencoder)))
                    .tensor();
            for (int channel = 0; channel < all.size(1); channel++) {
                Tensor one = all.select(1, channel);
                assertThat(one.mean().item_double()).isCloseTo(0, within(1e-3));
                assertThat(one.square().mean().item_double()).isCloseTo(1, within(1e-3));
            }
        }
    }

    /** Of each channel of (b, channels, h, w), as (1, channels, 1, 1). */
    private static Tensor variance(Tensor x) {
        Tensor flat = x.transpose(0, 1).flatten(1, 3);
        return flat.var(new long[] {1}, true, false).view(1, -1, 1, 1);
    }
}
