package org.deltasampling.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.Kit;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.model.SchedulerFile;
import org.deltasampling.tensor.TensorScope;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Timesteps and sigmas of the kit's pipelines, reached by the names and the config file that the command line uses. */
class KitSchedulesTest {

    @ParameterizedTest
    @ValueSource(strings = {"pipe-sd1", "pipe-sd2"})
    void timestepsAndSigmasAreThoseOfDiffusers(String name) {
        Kit.Case kit = Kit.at(name);
        SchedulerConfig config =
                SchedulerFile.read(Kit.json(kit.folder().resolve("model/scheduler/scheduler_config.json")));
        int steps = kit.json().path("steps").intValue();
        JsonNode schedulers = kit.json().path("schedulers");
        assertThat(schedulers.size()).isPositive();
        schedulers.fieldNames().forEachRemaining(scheduler -> {
            String sampler = scheduler.replace("-karras", "");
            String schedule = scheduler.equals(sampler) ? null : "karras";
            SamplingPlan plan = SamplingPlan.of(sampler, schedule, config, steps);
            assertClose(evaluated(sampler, plan.timesteps()), kit, "out.timesteps." + scheduler);
            assertClose(evaluated(sampler, plan.sigmas()), kit, "out.sigmas." + scheduler);
            // the same by its full name, whatever the file says
            JsonNode settings = schedulers.get(scheduler);
            boolean karras = settings.path("use_karras_sigmas").asBoolean(false);
            String full = settings.path("timestep_spacing").asText() + (karras ? "-karras" : "");
            assertThat(SamplingPlan.of(sampler, full, config, steps).plan()).isEqualTo(plan.plan());
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"pipe-sd3", "pipe-sd35m"})
    void timestepsAndSigmasOfFlows(String name) {
        Kit.Case kit = Kit.at(name);
        SchedulerConfig config =
                SchedulerFile.read(Kit.json(kit.folder().resolve("model/scheduler/scheduler_config.json")));
        SamplingPlan plan = SamplingPlan.of(
                "flow-euler", null, config, kit.json().path("steps").intValue());
        List<Double> sigmas =
                new ArrayList<>(plan.plan().stream().map(s -> s.from().sigma()).toList());
        sigmas.add(0.0);
        assertClose(plan.timesteps(), kit, "out.timesteps.flow-euler");
        assertClose(sigmas, kit, "out.sigmas.flow-euler");
    }

    /** diffusers lists a level for each evaluation: two for each of Heun's steps but the last, two for PNDM's first. */
    private static List<Double> evaluated(String sampler, List<Double> levels) {
        List<Double> all = new ArrayList<>();
        for (int i = 0; i < levels.size(); i++) {
            all.add(levels.get(i));
            boolean lastSigma = i == 6;
            if ((sampler.equals("heun") && i > 0 && !lastSigma) || (sampler.equals("pndm") && i == 1)) {
                all.add(levels.get(i));
            }
        }
        return all;
    }

    private static void assertClose(List<Double> actual, Kit.Case kit, @Nullable String name) {
        if (name == null || !kit.has(name)) {
            return;
        }
        try (TensorScope scope = TensorScope.open()) {
            Tensor expected = kit.tensor(name).to(torch.ScalarType.Double);
            assertThat(actual).as(name).hasSize((int) expected.size(0));
            for (int i = 0; i < actual.size(); i++) {
                double b = expected.select(0, i).item_double();
                assertThat(actual.get(i)).as(name + " " + i).isCloseTo(b, within(1e-6 * Math.max(1, b)));
            }
        }
    }
}
