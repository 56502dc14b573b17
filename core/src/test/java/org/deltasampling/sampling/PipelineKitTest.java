package org.deltasampling.sampling;

import static org.deltasampling.TensorAssert.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.deltasampling.Kit;
import org.deltasampling.KitModel;
import org.deltasampling.NoLeaks;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Text to image against diffusers' pipelines: the final latents of every scheduler in the kit. */
@ExtendWith(NoLeaks.class)
class PipelineKitTest {

    @ParameterizedTest
    @ValueSource(strings = {"pipe-sd1", "pipe-sd2"})
    void latents(String name) throws Exception {
        Kit.Case kit = Kit.at(name);
        try (KitModel model = new KitModel(kit.folder().resolve("model"));
                TensorScope scope = TensorScope.open()) {
            Denoiser denoiser = guided(model, kit);
            List<String> schedulers = new ArrayList<>();
            kit.json().path("schedulers").fieldNames().forEachRemaining(schedulers::add);
            for (String scheduler : schedulers) {
                String sampler = scheduler.replace("-karras", "");
                SamplingPlan plan = SamplingPlan.of(
                        sampler,
                        scheduler.equals(sampler) ? null : "karras",
                        model.scheduler(),
                        kit.json().path("steps").intValue());
                Latent latents = plan.sampler()
                        .sample(
                                denoiser,
                                plan.start(new Latent(kit.tensor("in.latents"))),
                                plan.plan(),
                                NoiseSource.none(),
                                StepListener.NONE);
                assertThat(latents)
                        .as(name + " " + scheduler)
                        .isCloseTo(kit.tensor("out.latents." + scheduler), Kit.PIPELINE);
            }
        }
    }

    private static Denoiser guided(KitModel model, Kit.Case kit) {
        return model.guided(
                kit.json().path("prompt").asText(),
                kit.json().path("negative_prompt").asText(),
                kit.json().path("cfg").doubleValue());
    }
}
