package org.deltasampling.delta;

import static org.deltasampling.TensorAssert.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import org.deltasampling.Kit;
import org.deltasampling.KitModel;
import org.deltasampling.NoLeaks;
import org.deltasampling.sampling.NoiseSource;
import org.deltasampling.sampling.SamplingPlan;
import org.deltasampling.sampling.StepListener;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The reference preset against the authors' node in ComfyUI. */
@ExtendWith(NoLeaks.class)
class DeltaKitTest {

    private static final double SCALE = 0.18215;

    @ParameterizedTest
    @ValueSource(strings = {"delta-sd1-sd2-finetune", "delta-sd1-sd2-prompt"})
    void reference(String name) throws Exception {
        Kit.Case kit = Kit.at(name);
        JsonNode json = kit.json();
        String prompt = json.path("prompt").asText();
        String negative = json.path("negative_prompt").asText();
        double cfg = json.path("cfg").doubleValue();
        boolean tuned = json.has("adapted");
        try (KitModel target = new KitModel(kit.path("target"));
                KitModel source = new KitModel(kit.path("source"));
                KitModel adapted = new KitModel(kit.path(tuned ? "adapted" : "source"));
                TensorScope scope = TensorScope.open()) {
            for (Map.Entry<String, JsonNode> run : json.path("runs").properties()) {
                SamplingPlan plan = SamplingPlan.of(
                        run.getValue().path("sampler").asText().replace('_', '-'),
                        run.getValue().path("schedule").asText(),
                        target.scheduler(),
                        json.path("steps").intValue());
                double lambda = run.getValue().path("lambda").doubleValue();
                ReferenceDenoiser both = new ReferenceDenoiser(
                        target.guided(prompt, negative, cfg),
                        source.guided(prompt, negative, cfg),
                        adapted.guided(json.path("adapted_prompt").asText(prompt), negative, cfg),
                        LatentBridge.SAME,
                        source.scheduler().whole(),
                        plan.plan(),
                        LambdaSchedule.constant(lambda).over(DeltaPolicy.CLAMP));
                Latent start = both.join(
                        plan.start(new Latent(kit.tensor("in.latents"))),
                        target.scheduler().trained().highest());
                Latent joined = plan.sampler().sample(both, start, plan.plan(), NoiseSource.none(), StepListener.NONE);
                assertThat(ReferenceDenoiser.targetOf(joined).times(1 / SCALE))
                        .as(name + " " + run.getKey())
                        .isCloseTo(kit.tensor("out.latents." + run.getKey()), Kit.PIPELINE);
            }
        }
    }
}
