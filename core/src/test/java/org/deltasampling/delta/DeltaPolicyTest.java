package org.deltasampling.delta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.deltasampling.TensorAssert.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.deltasampling.NoLeaks;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.Step;
import org.deltasampling.sampling.NoiseSource;
import org.deltasampling.sampling.SamplingPlan;
import org.deltasampling.sampling.StepListener;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.Memory;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A new policy is one small class, and policies compose by wrapping: both are shown with policies of this test's own. */
@ExtendWith(NoLeaks.class)
class DeltaPolicyTest {

    private static final SchedulerConfig SD = SchedulerConfig.stableDiffusion(Parameterization.EPSILON);

    private static final Denoiser TARGET = BentGaussian.of(0.5, 0.9, n -> 0.01);
    private static final Denoiser BASE = BentGaussian.of(0.3, 1, n -> 0.01);
    private static final Denoiser ADAPTED = BentGaussian.of(-0.4, 0.7, n -> 0.02);

    private final AtomicInteger evaluations = new AtomicInteger();

    private final Source source = new Source(BASE, SD.trained(), LatentBridge.SAME);

    private final Denoiser adapted = (x, n) -> {
        evaluations.incrementAndGet();
        return ADAPTED.denoise(x, n);
    };

    /** Evaluates the models in every second step and takes the last delta again in the others, in terms of the noise. */
    private static final class EverySecondStep implements DeltaPolicy {

        private final DeltaPolicy policy;
        private final Memory last = new Memory();
        private int step = -1;
        private double kappa;

        EverySecondStep(DeltaPolicy policy) {
            this.policy = policy;
        }

        @Override
        public Optional<Weighted> added(Evaluation at) {
            if (at.step() % 2 == 0 && at.step() != step) {
                policy.added(at)
                        .ifPresent(weighted -> last.keep(weighted.delta().times(weighted.lambda())));
                step = at.step();
                kappa = at.level().kappa();
            }
            return last.recall().map(delta -> new Weighted(at.level().kappa() / kappa, delta));
        }

        @Override
        public void close() {
            last.close();
            policy.close();
        }
    }

    /** Holds what is added to a share of the target's own denoised latent. */
    private record Capped(DeltaPolicy policy, double share) implements DeltaPolicy {

        @Override
        public Optional<Weighted> added(Evaluation at) {
            return policy.added(at).map(weighted -> {
                double size = Math.abs(weighted.lambda()) * weighted.delta().norm();
                return weighted.times(Math.min(1, share * at.denoised().norm() / size));
            });
        }

        @Override
        public void close() {
            policy.close();
        }
    }

    private static Latent noise() {
        return new SeededNoise(3).draw(1, 4, 8, 8);
    }

    private Latent sampled(String sampler, int steps, DeltaPolicy policy) {
        SamplingPlan plan = SamplingPlan.of(sampler, null, SD, steps);
        try (DeltaDenoiser denoiser =
                new DeltaDenoiser(TARGET, plan.plan(), List.of(new Delta(source, adapted, policy)))) {
            return plan.sampler()
                    .sample(denoiser, plan.start(noise()), plan.plan(), NoiseSource.none(), StepListener.NONE);
        }
    }

    /** Samplers that evaluate inside a step too: such a level belongs to the step that begins there or next below. */
    @ParameterizedTest
    @CsvSource({"euler, 8, 4", "dpmpp-2m, 7, 4", "heun, 8, 4", "pndm, 8, 4"})
    void aCacheIsOneClass(String sampler, int steps, int expected) {
        try (TensorScope scope = TensorScope.open()) {
            Latent cached = sampled(sampler, steps, new EverySecondStep(DeltaPolicy.SKIP));
            assertThat(evaluations).hasValue(expected);
            Latent fresh = sampled(sampler, steps, DeltaPolicy.SKIP);
            Latent alone = sampled(sampler, steps, DeltaPolicy.SKIP.times(0));
            // a good approximation of what it saves
            assertThat(cached.minus(fresh).norm())
                    .isGreaterThan(0)
                    .isLessThan(0.5 * alone.minus(fresh).norm());
        }
    }

    @Test
    void aLimitIsOneClass() {
        try (TensorScope scope = TensorScope.open()) {
            NoiseLevel n = SD.trained().level(2);
            Latent own = TARGET.denoise(noise(), n);
            DeltaPolicy strong = DeltaPolicy.SKIP.times(10);
            Latent capped =
                    new DeltaDenoiser(TARGET, new Delta(source, adapted, new Capped(strong, 0.1))).denoise(noise(), n);
            assertThat(capped.minus(own).norm() / own.norm()).isCloseTo(0.1, within(1e-5));
            DeltaPolicy weak = DeltaPolicy.SKIP.times(0.01);
            assertThat(new DeltaDenoiser(TARGET, new Delta(source, adapted, new Capped(weak, 0.1))).denoise(noise(), n))
                    .isCloseTo(new DeltaDenoiser(TARGET, new Delta(source, adapted, weak)).denoise(noise(), n), 0);
        }
    }

    @Test
    void aTraceTellsTheEffectiveStrengthAndCloseReachesTheInnermost() {
        List<Double> lambdas = new ArrayList<>();
        List<String> closed = new ArrayList<>();
        DeltaPolicy innermost = new DeltaPolicy() {
            @Override
            public Optional<Weighted> added(Evaluation at) {
                return DeltaPolicy.CLAMP.added(at);
            }

            @Override
            public void close() {
                closed.add("closed");
            }
        };
        DeltaPolicy policy = new TracedPolicy(
                LambdaSchedule.parse(2, "linear").over(innermost.times(0.5)),
                (level, lambda, delta, denoised) -> lambdas.add(lambda));
        try (TensorScope scope = TensorScope.open()) {
            sampled("euler", 5, policy);
        }
        assertThat(lambdas).containsExactly(1.0, 0.75, 0.5, 0.25);
        assertThat(evaluations).hasValue(4); // at lambda 0 the models are not evaluated
        assertThat(closed).containsExactly("closed");
    }

    @Test
    void theStepIsTheOneThatBeginsAtTheLevelOrNextBelow() {
        List<Step> plan = SamplingPlan.of("euler", null, SD, 3).plan();
        assertThat(Step.indexOf(plan, plan.get(0).from())).isZero();
        assertThat(Step.indexOf(plan, SD.trained().level(1e9))).isZero();
        assertThat(Step.indexOf(plan, plan.get(0).to())).isEqualTo(1);
        double between = (plan.get(0).from().kappa() + plan.get(1).from().kappa()) / 2;
        assertThat(Step.indexOf(plan, NoiseLevel.preserving(0, between))).isEqualTo(1);
        assertThat(Step.indexOf(plan, NoiseLevel.NO_NOISE)).isEqualTo(2);
        assertThatThrownBy(() -> Step.indexOf(List.of(), NoiseLevel.NO_NOISE))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("plan");
    }
}
