package org.deltasampling.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.deltasampling.TensorAssert.assertThat;

import java.util.List;
import java.util.Set;
import org.deltasampling.NoLeaks;
import org.deltasampling.delta.BentGaussian;
import org.deltasampling.diffusion.BadSamplingException;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.FlowSchedule;
import org.deltasampling.diffusion.NoiseSchedule;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.Spacing;
import org.deltasampling.diffusion.Step;
import org.deltasampling.diffusion.TimestepGrid;
import org.deltasampling.sampling.SamplerDescriptor.Diffusers;
import org.deltasampling.sampling.SamplerDescriptor.Flow;
import org.deltasampling.sampling.SamplerDescriptor.Sigmas;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A new sampler is one class and one row: shown with a sampler of this test's own. */
@ExtendWith(NoLeaks.class)
class SamplersTest {

    private static final SchedulerConfig SD = SchedulerConfig.stableDiffusion(Parameterization.EPSILON);

    /** The midpoint method: Euler to the middle of the step, in log-SNR, and the whole step by the prediction there. */
    private record Midpoint() implements Sampler {

        @Override
        public Latent sample(Denoiser denoiser, Latent start, List<Step> plan, NoiseSource noise, StepHook hook) {
            return SamplerState.follow(plan, start, denoiser, hook, (x, i, denoised) -> {
                Step step = plan.get(i);
                if (step.to().sigma() == 0) {
                    return step.stepByDenoised(x, denoised);
                }
                double kappa = Math.sqrt(step.from().kappa() * step.to().kappa());
                Step half = new Step(step.from(), SD.trained().level(kappa));
                Latent middle = half.stepByDenoised(x, denoised);
                return step.stepByDenoised(x, denoiser.denoise(middle, half.to()));
            });
        }
    }

    private static final Samplers WITH_MIDPOINT = Samplers.BUILT_IN.with(new SamplerDescriptor(
            "midpoint",
            new Diffusers(
                    TimestepGrid.FRACTIONAL,
                    Spacing.LINSPACE,
                    Sigmas.OF_CONFIG,
                    config -> true,
                    config -> new Midpoint(),
                    Set.of("thresholding")),
            null,
            null));

    /** Exact at once for a Gaussian of deviation 1, and of second order for others. */
    @Test
    void aNewSamplerIsOneClassAndOneRow() {
        Denoiser denoiser = BentGaussian.of(0.5, 0.6, n -> 0);
        try (TensorScope scope = TensorScope.open()) {
            Latent exact = sampled("dpmpp-2m", denoiser, 400);
            double few = sampled("midpoint", denoiser, 10).minus(exact).norm();
            double many = sampled("midpoint", denoiser, 20).minus(exact).norm();
            double euler = sampled("euler", denoiser, 20).minus(exact).norm();
            assertThat(many).isLessThan(few / 2).isLessThan(euler / 2);
        }
    }

    private static Latent sampled(String sampler, Denoiser denoiser, int steps) {
        SamplingPlan plan = SamplingPlan.of(WITH_MIDPOINT, sampler, "karras", SD, steps);
        Latent start = plan.start(new SeededNoise(1).draw(1, 4, 4, 4));
        return plan.sampler().sample(denoiser, start, plan.plan(), NoiseSource.none(), StepListener.NONE);
    }

    @Test
    void aRowIsAllThatThePlanAsks() {
        assertThat(WITH_MIDPOINT.names())
                .endsWith("midpoint")
                .hasSize(SamplingPlan.samplers().size() + 1);
        SamplingPlan plan = SamplingPlan.of(WITH_MIDPOINT, "midpoint", "trailing", SD, 6);
        assertThat(plan.plan())
                .isEqualTo(SamplingPlan.of("euler", "trailing", SD, 6).plan());
        assertThat(SamplingPlan.of(WITH_MIDPOINT, "midpoint", "normal", SD, 6).plan())
                .isEqualTo(SamplingPlan.of("euler", "normal", SD, 6).plan());
        SchedulerConfig flow = SchedulerConfig.flow(FlowSchedule.shifted(1000, 3), null);
        assertThatThrownBy(() -> SamplingPlan.of(WITH_MIDPOINT, "midpoint", null, flow, 6))
                .isInstanceOf(BadSamplingException.class)
                .hasMessageContaining("midpoint is not for flow models");
        assertThatThrownBy(() -> SamplingPlan.of("midpoint", null, SD, 6))
                .isInstanceOf(BadSamplingException.class)
                .hasMessageContaining("there is no sampler midpoint");
    }

    @Test
    void aFormForFlowsIsPartOfTheRow() {
        Samplers samplers = new Samplers(List.of(new SamplerDescriptor(
                "other",
                WITH_MIDPOINT.rows().get(0).diffusers(),
                null,
                new Flow(config -> new Euler(), NoiseSchedule::flowForUniPc))));
        SchedulerConfig flow = SchedulerConfig.flow(FlowSchedule.shifted(1000, 3), null);
        assertThat(SamplingPlan.of(samplers, "other", null, flow, 6).plan())
                .isEqualTo(SamplingPlan.of("unipc", null, flow, 6).plan());
    }

    @Test
    void longNamesAreQuotedInPart() {
        assertThatThrownBy(() -> SamplingPlan.of("x".repeat(20_000), null, SD, 6))
                .hasMessageContaining("there is no sampler x")
                .hasMessageContaining("...")
                .satisfies(e -> assertThat(String.valueOf(e.getMessage())).hasSizeLessThan(300));
    }
}
