package org.deltasampling.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;

/**
 * Every sampler with every spacing, plain and Karras, both parameterizations and several numbers of steps, against
 * diffusers; and where ComfyUI's differ under its schedule {@code normal}, against those.
 */
@ExtendWith(NoLeaks.class)
class OtherProgramsTest {

    @ParameterizedTest(name = "{0} {1} {2} {3}")
    @CsvFileSource(
            resources = {"diffusers.csv", "comfyui.csv"},
            commentCharacter = '#')
    void endsWhereTheyDo(
            String sampler, String schedule, String prediction, int steps, double absolutes, double weighted) {
        Parameterization parameterization =
                prediction.equals("epsilon") ? Parameterization.EPSILON : Parameterization.V_PREDICTION;
        SchedulerConfig config = SchedulerConfig.stableDiffusion(parameterization);
        try (TensorScope scope = TensorScope.open()) {
            SamplingPlan plan = SamplingPlan.of(sampler, schedule, config, steps);
            NoiseSource noise = new SeededNoise(0)::draw;
            Latent start = plan.start(noise.draw(1, 4, 8, 8));
            Tensor end = plan.sampler()
                    .sample(network(parameterization), start, plan.plan(), noise, StepListener.NONE)
                    .tensor();
            Tensor weights = torch.arange(new Scalar(256)).view(1, 4, 8, 8).div(new Scalar(256.0));
            assertThat(end.abs().sum().item_double()).isCloseTo(absolutes, within(1e-3 * absolutes));
            assertThat(end.mul(weights).sum().item_double()).isCloseTo(weighted, within(1e-3 * absolutes));
        }
    }

    private static Denoiser network(Parameterization p) {
        return (x, n) -> p.denoised(
                x, new Latent(x.times(2).plus(n.timestep() / 300).tensor().sin()), n);
    }
}
