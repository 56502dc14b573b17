package org.deltasampling.model.ipadapter;

import static org.deltasampling.TensorAssert.assertThat;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.Kit;
import org.deltasampling.KitModel;
import org.deltasampling.NoLeaks;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.image.ImageFile;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.ImageEncoder;
import org.deltasampling.model.NetworkDenoiser;
import org.deltasampling.sampling.NoiseSource;
import org.deltasampling.sampling.SamplingPlan;
import org.deltasampling.sampling.StepListener;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Text and image to image against diffusers' pipelines. */
@ExtendWith(NoLeaks.class)
class IpAdapterKitTest {

    private static ImageTensor image(Kit.Case kit) {
        return ImageFile.tensor(ImageFile.read(kit.path("image")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"ip-adapter-sd1", "ip-adapter-plus-sd1"})
    void preprocessingAndImageEmbedding(String name) {
        Kit.Case kit = Kit.at(name);
        try (ImageEncoder encoder = ImageEncoder.open(kit.path("image_encoder"));
                TensorScope scope = TensorScope.open()) {
            Tensor pixels = encoder.pixels(List.of(image(kit)));
            assertThat(pixels).isCloseTo(kit.tensor("in.pixels"), 1e-6);
            assertThat(encoder.encode(pixels, ImageEncoder.Output.EMBEDDING, Precision.FLOAT32, Device.CPU))
                    .isCloseTo(kit.tensor("out.image_embeds"), Kit.NETWORK);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ip-adapter-sd1", "ip-adapter-plus-sd1"})
    void latents(String name) {
        Kit.Case kit = Kit.at(name);
        try (KitModel model = new KitModel(kit.path("model"));
                Checkpoint checkpoint = Checkpoint.open(kit.path("model"));
                ImageEncoder encoder = ImageEncoder.open(kit.path("image_encoder"));
                IpAdapterFile file = IpAdapterFile.open(kit.path("ip_adapter"));
                IpAdapter adapter = file.load(checkpoint, encoder, Precision.FLOAT32, Device.CPU);
                TensorScope scope = TensorScope.open()) {
            IpAdapter.Prompts image = adapter.prompts(
                    List.of(image(kit)), kit.json().path("scale").doubleValue());
            Denoiser denoiser = NetworkDenoiser.guided(
                    model.unet(),
                    model.scheduler().parameterization(),
                    model.told(kit.json().path("prompt").asText()).with(image.conditional()),
                    model.told(kit.json().path("negative_prompt").asText()).with(image.unconditional()),
                    kit.json().path("cfg").doubleValue());
            SamplingPlan plan = SamplingPlan.of(
                    kit.json().path("sampler").asText(),
                    null,
                    model.scheduler(),
                    kit.json().path("steps").intValue());
            Latent latents = plan.sampler()
                    .sample(
                            denoiser,
                            plan.start(new Latent(kit.tensor("in.latents"))),
                            plan.plan(),
                            NoiseSource.none(),
                            StepListener.NONE);
            assertThat(latents).isCloseTo(kit.tensor("out.latents"), Kit.PIPELINE);
        }
    }
}
