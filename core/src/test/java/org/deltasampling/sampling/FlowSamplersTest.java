package org.deltasampling.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.function.DoubleFunction;
import java.util.stream.IntStream;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.diffusion.BadSamplingException;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.FlowSchedule;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Samplers on flows: one sampler core for all coordinates (science.md 1.6). */
@ExtendWith(NoLeaks.class)
class FlowSamplersTest {

    private static final FlowSchedule FLOW = FlowSchedule.shifted(1000, 3);

    private static final SchedulerConfig CONFIG = SchedulerConfig.flow(FLOW, null);

    /** The exact denoiser of a Gaussian of deviation 2 around 3, in any coordinates. */
    private static final Denoiser GAUSSIAN = (x, n) -> {
        double gain = 4 * n.alpha() / (4 * n.alpha() * n.alpha() + n.sigma() * n.sigma());
        return x.plus(-3 * n.alpha()).times(gain).plus(3);
    };

    private static Latent noise() {
        return new SeededNoise(1).draw(1, 4, 4, 4);
    }

    private static Latent sampled(String sampler, DoubleFunction<NoiseLevel> level) {
        List<NoiseLevel> levels = IntStream.rangeClosed(0, 8)
                .mapToObj(i -> level.apply(10 * Math.pow(0.5, i)))
                .toList();
        List<Step> plan = IntStream.range(0, 8)
                .mapToObj(i -> new Step(levels.get(i), levels.get(i + 1)))
                .toList();
        Latent start = noise().times(levels.get(0).sigma());
        Latent end = SamplingPlan.of(sampler, null, CONFIG, 8)
                .sampler()
                .sample(GAUSSIAN, start, plan, new SeededNoise(2)::draw, StepListener.NONE);
        return end.times(1 / levels.get(8).alpha());
    }

    @ParameterizedTest
    @ValueSource(strings = {"euler", "ddim", "euler-ancestral", "dpmpp-2m", "unipc"})
    void inAFlowsCoordinatesTheyAreWhatTheyAreInOthers(String sampler) {
        try (TensorScope scope = TensorScope.open()) {
            // the same kappa, and x / alpha the same at the start
            Latent flow = sampled(sampler, FLOW::level);
            Latent preserving = sampled(sampler, kappa -> NoiseLevel.preserving(0, kappa));
            TensorAssert.assertThat(flow).isCloseTo(preserving, 1e-5);
        }
    }

    /** From noise alone to the Gaussian: exactly its mean and deviation, but for the length of the steps. */
    @ParameterizedTest
    @CsvSource({"euler, .03", "heun, .002", "dpmpp-2m, .01", "unipc, .01"})
    void fromNoiseAloneTheyArrive(String sampler, double error) {
        try (TensorScope scope = TensorScope.open()) {
            SamplingPlan plan = SamplingPlan.of(sampler, null, CONFIG, 100);
            Latent noise = noise();
            Latent end = plan.sampler()
                    .sample(GAUSSIAN, plan.start(noise), plan.plan(), NoiseSource.none(), StepListener.NONE);
            TensorAssert.assertThat(end).isCloseTo(noise.times(2).plus(3), error);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 30})
    void noiseAloneIsFiniteForAllOfThem(int steps) {
        try (TensorScope scope = TensorScope.open()) {
            for (String sampler : List.of("euler", "euler-ancestral", "heun", "dpmpp-2m", "unipc")) {
                SamplingPlan plan = SamplingPlan.of(sampler, null, CONFIG, steps);
                Latent end = plan.sampler()
                        .sample(
                                GAUSSIAN,
                                plan.start(noise()),
                                plan.plan(),
                                new SeededNoise(2)::draw,
                                StepListener.NONE);
                assertThat(end.norm()).as(sampler).isCloseTo(24, within(24.0));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"lms", "pndm", "deis"})
    void whatNeedsSignalInTheFirstLevelIsRefused(String sampler) {
        assertThatThrownBy(() -> SamplingPlan.of(sampler, null, CONFIG, 8))
                .isInstanceOf(BadSamplingException.class)
                .hasMessageContaining("dpmpp-2m");
    }
}
