package org.deltasampling.delta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.deltasampling.TensorAssert.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.deltasampling.NoLeaks;
import org.deltasampling.diffusion.BadSamplingException;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.Step;
import org.deltasampling.diffusion.TrainedSchedule;
import org.deltasampling.sampling.NoiseSource;
import org.deltasampling.sampling.SamplingPlan;
import org.deltasampling.sampling.StepListener;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The laws of the method (docs/method.md 9), on denoisers simple enough to be sure of. */
@ExtendWith(NoLeaks.class)
class DeltaLawsTest {

    private static final long[] SHAPE = {2, 4, 8, 8};

    private static final SchedulerConfig SD = SchedulerConfig.stableDiffusion(Parameterization.EPSILON);

    private static final TrainedSchedule TRAINED = SD.diffusion();

    private static Denoiser model(double m, double s, double bend) {
        return BentGaussian.of(m, s, n -> bend * Math.sin(n.timestep() / 100));
    }

    private static final Denoiser BASE = model(0.3, 1, 0.01);
    private static final Denoiser ADAPTED = model(-0.4, 0.7, 0.02);
    private static final Denoiser OTHER = model(0.1, 1.2, -0.01);
    private static final Denoiser TARGET = model(0.5, 0.9, 0.015);

    private static Source source(Denoiser base) {
        return new Source(base, TRAINED, LatentBridge.SAME);
    }

    private static Latent sampled(Denoiser denoiser, String sampler, String schedule) {
        SamplingPlan plan = SamplingPlan.of(sampler, schedule, SD, 8);
        return plan.sampler()
                .sample(
                        denoiser,
                        plan.start(new SeededNoise(3).draw(SHAPE)),
                        plan.plan(),
                        new SeededNoise(4)::draw,
                        StepListener.NONE);
    }

    static List<String> samplers() {
        return SamplingPlan.samplers();
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void lambdaZeroIsTheTargetAloneBitForBitAndForNothing(String sampler) {
        try (TensorScope scope = TensorScope.open()) {
            Denoiser never = (x, n) -> {
                throw new AssertionError("asked at lambda 0");
            };
            Denoiser delta = new DeltaDenoiser(TARGET, new Delta(source(never), never, 0));
            assertThat(sampled(delta, sampler, "normal").sameBits(sampled(TARGET, sampler, "normal")))
                    .isTrue();
        }
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void targetEqualToBaseAtLambdaOneIsTheAdapted(String sampler) {
        try (TensorScope scope = TensorScope.open()) {
            Denoiser delta = new DeltaDenoiser(BASE, new Delta(source(BASE), ADAPTED, 1));
            for (String schedule : List.of("linspace", "leading", "trailing", "normal")) {
                assertThat(sampled(delta, sampler, schedule)).isCloseTo(sampled(ADAPTED, sampler, schedule), 1e-4);
            }
        }
    }

    /** The same function as a network that predicts noise and as one that predicts v: nothing may depend on which. */
    @ParameterizedTest
    @ValueSource(strings = {"euler", "dpmpp-2m", "unipc", "heun"})
    void theParameterizationOfSourceAndTargetIsNoMatter(String sampler) {
        try (TensorScope scope = TensorScope.open()) {
            Denoiser noise = through(Parameterization.EPSILON, BASE);
            Denoiser velocity = through(Parameterization.V_PREDICTION, BASE);
            Denoiser adapted = through(Parameterization.EPSILON, ADAPTED);
            Denoiser delta = new DeltaDenoiser(velocity, new Delta(source(noise), adapted, 1));
            assertThat(sampled(delta, sampler, "normal")).isCloseTo(sampled(ADAPTED, sampler, "normal"), 1e-4);
        }
    }

    private static Denoiser through(Parameterization p, Denoiser denoiser) {
        return (x, n) -> p.denoised(x, p.output(x, denoiser.denoise(x, n), n), n);
    }

    @Test
    void negativeLambdaMovesTheOtherWay() {
        try (TensorScope scope = TensorScope.open()) {
            Latent there = sampled(with(0.1), "euler", "normal").minus(sampled(TARGET, "euler", "normal"));
            Latent back = sampled(with(-0.1), "euler", "normal").minus(sampled(TARGET, "euler", "normal"));
            double cosine = there.tensor().mul(back.tensor()).sum().item_double() / (there.norm() * back.norm());
            assertThat(cosine).isLessThan(-0.99);
            assertThat(there.tensor().mean().item_double()).isNegative(); // ADAPTED's mean is below BASE's
        }
    }

    private static Denoiser with(double lambda) {
        return new DeltaDenoiser(TARGET, new Delta(source(BASE), ADAPTED, lambda));
    }

    @Test
    void twoDeltasAreTheSumOfTheSingleOnesAndASharedBaseIsAskedOnce() {
        try (TensorScope scope = TensorScope.open()) {
            AtomicInteger asked = new AtomicInteger();
            Source shared = source((x, n) -> {
                asked.incrementAndGet();
                return BASE.denoise(x, n);
            });
            Delta first = new Delta(shared, ADAPTED, 0.7);
            Delta second = new Delta(shared, OTHER, -0.4);
            NoiseLevel n = TRAINED.level(2);
            Latent x = n.point(new SeededNoise(1).draw(SHAPE), new SeededNoise(2).draw(SHAPE));
            Latent both = new DeltaDenoiser(TARGET, first, second).denoise(x, n);
            assertThat(asked).hasValue(1);
            Latent target = TARGET.denoise(x, n);
            Latent one = new DeltaDenoiser(TARGET, first).denoise(x, n).minus(target);
            Latent two = new DeltaDenoiser(TARGET, second).denoise(x, n).minus(target);
            assertThat(both).isCloseTo(target.plus(one).plus(two), 1e-6);
        }
    }

    /** Lemma 1 of docs/method.md: the kept source trajectory is the target's signal under the source's first noise. */
    @ParameterizedTest
    @ValueSource(strings = {"euler", "dpmpp-2m", "unipc", "heun", "lms"})
    void theReferencesSecondTrajectoryIsTheFirstWithASharedAutoencoder(String sampler) {
        try (TensorScope scope = TensorScope.open()) {
            ReferenceDenoiser reference = new ReferenceDenoiser(
                    TARGET, BASE, ADAPTED, LatentBridge.SAME, TRAINED.whole(), List.of(), DeltaPolicy.CLAMP.times(1.3));
            SamplingPlan plan = SamplingPlan.of(sampler, "normal", SD, 8);
            Latent start = plan.start(new SeededNoise(3).draw(SHAPE));
            Latent joined = plan.sampler()
                    .sample(
                            reference,
                            reference.join(start, TRAINED.highest()),
                            plan.plan(),
                            NoiseSource.none(),
                            StepListener.NONE);
            assertThat(joined.channels(0, 4)).isCloseTo(ReferenceDenoiser.targetOf(joined), 1e-6);
            // and so it is the polar scheme, for levels that both call by whole timesteps
            Source polar = new Source(BASE, TRAINED.whole(), LatentBridge.SAME);
            Latent alone = plan.sampler()
                    .sample(
                            new DeltaDenoiser(TARGET, new Delta(polar, ADAPTED, 1.3)),
                            start,
                            plan.plan(),
                            NoiseSource.none(),
                            StepListener.NONE);
            assertThat(ReferenceDenoiser.targetOf(joined)).isCloseTo(alone, 1e-5);
        }
    }

    /** The same lemma with a bridge: y = W (x - kappa n) + kappa n, in variance-exploding coordinates. */
    @ParameterizedTest
    @ValueSource(strings = {"euler", "dpmpp-2m"})
    void theReferencesSecondTrajectoryKeepsTheFirstNoise(String sampler) {
        try (TensorScope scope = TensorScope.open()) {
            LatentBridge bridge = LatentBridge.unscaled(0.13025, 0, 0.18215, 0);
            ReferenceDenoiser reference =
                    new ReferenceDenoiser(TARGET, BASE, ADAPTED, bridge, TRAINED.whole(), List.of(), DeltaPolicy.CLAMP);
            SamplingPlan plan = SamplingPlan.of(sampler, "normal", SD, 8);
            Latent noise = new SeededNoise(3).draw(SHAPE);
            double highest = TRAINED.highest();
            // exact for a start without signal: kappa n and not sqrt(1 + kappa^2) n
            Latent start = noise.times(plan.plan().get(0).from().sigma());
            Latent joined = plan.sampler()
                    .sample(
                            reference,
                            reference.join(start, highest),
                            plan.plan().subList(0, 5),
                            NoiseSource.none(),
                            StepListener.NONE);
            NoiseLevel at = plan.plan().get(4).to();
            Latent signal = ReferenceDenoiser.targetOf(joined).plus(-at.sigma(), noise);
            assertThat(joined.channels(0, 4)).isCloseTo(bridge.toSource(signal).plus(at.sigma(), noise), 1e-5);
        }
    }

    @Test
    void theReferenceRefusesWhatTheAuthorsNodeCannotDo() {
        assertThatThrownBy(() -> ReferenceDenoiser.check(4, 16, false, false))
                .isInstanceOf(BadSamplingException.class)
                .hasMessageContaining("4 and 16 channels");
        assertThatThrownBy(() -> ReferenceDenoiser.check(4, 4, false, true))
                .isInstanceOf(BadSamplingException.class)
                .hasMessageContaining("flow");
        ReferenceDenoiser.check(4, 4, false, false);
    }

    @Test
    void theUnscaledBridgeGoesThereAndBack() {
        try (TensorScope scope = TensorScope.open()) {
            LatentBridge bridge = LatentBridge.unscaled(1.5305, 0.0609, 0.18215, 0);
            Latent a = new SeededNoise(1).draw(SHAPE);
            Latent b = new SeededNoise(2).draw(SHAPE);
            assertThat(bridge.back(bridge.toSource(a), bridge.toSource(b))).isCloseTo(a.minus(b), 1e-6);
            assertThat(bridge.toSource(a))
                    .isCloseTo(a.times(1 / 1.5305).plus(0.0609).times(0.18215), 1e-6);
            LatentBridge sameUnits = LatentBridge.unscaled(1.5305, 0.0609, 1.5305, 0.0609);
            assertThat((Object) sameUnits.toSource(a)).isSameAs(a);
            assertThat((Object) LatentBridge.SAME.toSource(a)).isSameAs(a);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "constant, 2, 2, 2",
        "linear, 2, 1, 0",
        "cosine, 2, 1, 0",
        "sigmoid, 2, 1, 0",
        "exponential, 2, 0.3648511, 0",
        "linear:1:0.5, 2, 1.5, 1",
        "sigmoid:1:1, 2, 2, 2",
        "cosine:0:1, 0, 1, 2",
        "constant:0.5:7, 1, 1, 1"
    })
    void lambdaOverTheSteps(String text, double first, double middle, double last) {
        List<Step> plan = SamplingPlan.of("euler", null, SD, 5).plan();
        Map<NoiseLevel, Double> lambdas = new HashMap<>(); // nothing is added where it is 0
        DeltaPolicy policy = new TracedPolicy(
                LambdaSchedule.parse(2, text).over(DeltaPolicy.CLAMP),
                (level, lambda, delta, denoised) -> lambdas.put(level, lambda));
        try (TensorScope scope = TensorScope.open();
                DeltaDenoiser denoiser =
                        new DeltaDenoiser(TARGET, plan, List.of(new Delta(source(BASE), ADAPTED, policy)))) {
            Latent x = new SeededNoise(1).draw(SHAPE);
            plan.forEach(step -> denoiser.denoise(x, step.from()));
        }
        assertThat(List.of(0, 2, 4))
                .extracting(i -> lambdas.getOrDefault(plan.get(i).from(), 0.0))
                .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-6 ? 0 : 1)
                .containsExactly(first, middle, last);
    }

    @Test
    void anUnknownLambdaScheduleIsRefusedWithTheKnownOnes() {
        assertThatThrownBy(() -> LambdaSchedule.parse(1, "cubic"))
                .isInstanceOf(BadSamplingException.class)
                .hasMessageContaining("constant, linear, exponential, cosine, sigmoid");
        assertThatThrownBy(() -> LambdaSchedule.parse(1, "linear:a:b"))
                .isInstanceOf(BadSamplingException.class)
                .hasMessageContaining("must be a finite number");
        assertThatThrownBy(() -> LambdaSchedule.parse(1, "linear:1")).isInstanceOf(BadSamplingException.class);
    }

    @Test
    void aSampleLeavesNothingButItself() {
        try (TensorScope scope = TensorScope.open()) {
            for (String sampler : SamplingPlan.samplers()) {
                SamplingPlan plan = SamplingPlan.of(sampler, "normal", SD, 20);
                Latent start = plan.start(new SeededNoise(3).draw(SHAPE));
                SeededNoise noise = new SeededNoise(4);
                long before = TensorScope.liveObjects();
                AtomicInteger steps = new AtomicInteger();
                long[] during = new long[20];
                StepListener counting = (i, count, n, denoised) -> {
                    during[i] = TensorScope.liveObjects();
                    steps.incrementAndGet();
                };
                plan.sampler().sample(with(1), start, plan.plan(), noise::draw, counting);
                assertThat(steps).hasValue(20);
                assertThat(during[19]).as(sampler + " in constant memory").isLessThanOrEqualTo(during[5]);
                assertThat(TensorScope.liveObjects()).as(sampler).isEqualTo(before + 1);
            }
        }
    }
}
