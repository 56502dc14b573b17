package org.deltasampling.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.deltasampling.TensorAssert.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.deltasampling.NoLeaks;
import org.deltasampling.delta.BentGaussian;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a hook may do after a step, in the one loop of all samplers. */
@ExtendWith(NoLeaks.class)
class StepHookTest {

    private static final SchedulerConfig SD = SchedulerConfig.stableDiffusion(Parameterization.EPSILON);

    private static final Denoiser DENOISER = BentGaussian.of(0.5, 0.9, n -> 0.05);

    static List<String> samplers() {
        return SamplingPlan.samplers();
    }

    private static Latent sampled(String sampler, StepHook hook) {
        SamplingPlan plan = SamplingPlan.of(sampler, null, SD, 6);
        Latent start = plan.start(new SeededNoise(3).draw(1, 4, 4, 4));
        return plan.sampler().sample(DENOISER, start, plan.plan(), new SeededNoise(4)::draw, hook);
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void itSeesEachStepWithWhereItEnds(String sampler) {
        List<Integer> indices = new ArrayList<>();
        List<float[]> ends = new ArrayList<>();
        try (TensorScope scope = TensorScope.open()) {
            StepHook hook = done -> {
                indices.add(done.index());
                ends.add(done.x().values());
                assertThat(done.from()).isEqualTo(done.plan().get(done.index()).from());
                assertThat(done.to()).isEqualTo(done.plan().get(done.index()).to());
                assertThat(done.denoised().shape()).isEqualTo(done.x().shape());
                return done.x();
            };
            Latent end = sampled(sampler, hook);
            assertThat(end.sameBits(sampled(sampler, StepListener.NONE))).isTrue();
            assertThat(ends.get(5)).isEqualTo(end.values());
        }
        assertThat(indices).containsExactly(0, 1, 2, 3, 4, 5);
    }

    /** As inpainting does: half of the channels are put on a known image under noise, and stay its. */
    @ParameterizedTest
    @MethodSource("samplers")
    void itMayReplaceTheLatent(String sampler) {
        try (TensorScope scope = TensorScope.open()) {
            Latent known = new SeededNoise(5).draw(1, 4, 4, 4);
            Latent noise = new SeededNoise(6).draw(1, 4, 4, 4);
            StepHook inpainting = done -> done.to()
                    .point(known, noise)
                    .channels(0, 2)
                    .joinChannels(done.x().channels(2, 2));
            Latent end = sampled(sampler, inpainting);
            double sigma =
                    SamplingPlan.of(sampler, null, SD, 6).plan().get(5).to().sigma();
            assertThat(end.channels(0, 2)).isCloseTo(known.channels(0, 2), 5 * sigma + 1e-6);
            if (!sampler.equals("unipc")) { // which corrects no point that was replaced: see below
                Latent free = sampled(sampler, StepListener.NONE);
                assertThat(end.channels(2, 2)).isCloseTo(free.channels(2, 2), 1e-6);
            }
        }
    }

    /** UniPC would else take the last step once more from where it began, and so undo the hook. */
    @Test
    void aReplacedPointIsNotCorrected() {
        try (TensorScope scope = TensorScope.open()) {
            SamplingPlan plan = SamplingPlan.of("unipc", null, SD, 3);
            Denoiser constant = (x, n) -> x.times(0);
            StepHook hook = done -> done.index() == 0 ? done.x().times(0) : done.x();
            Latent end = plan.sampler()
                    .sample(constant, new SeededNoise(3).draw(1, 4, 4, 4), plan.plan(), NoiseSource.none(), hook);
            assertThat(end.norm()).isZero();
        }
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void throwingCancels(String sampler) {
        try (TensorScope scope = TensorScope.open()) {
            long before = TensorScope.liveObjects();
            try (TensorScope inner = TensorScope.open()) {
                StepHook cancelling = done -> {
                    if (done.index() == 2) {
                        throw new CancellationException("enough");
                    }
                    return done.x();
                };
                assertThatThrownBy(() -> sampled(sampler, cancelling)).isInstanceOf(CancellationException.class);
            }
            assertThat(TensorScope.liveObjects()).isEqualTo(before);
        }
    }

    @Test
    void hooksFollowOneAnother() {
        try (TensorScope scope = TensorScope.open()) {
            List<Double> norms = new ArrayList<>();
            StepHook zero = done -> done.x().times(0);
            StepHook watching = done -> {
                norms.add(done.x().norm());
                return done.x();
            };
            sampled("euler", watching.then(zero).then(watching));
            assertThat(norms).hasSize(12);
            assertThat(norms.get(0)).isPositive();
            assertThat(norms.get(1)).isZero();
        }
    }
}
