package org.deltasampling.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.deltasampling.TensorAssert.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import org.deltasampling.NoLeaks;
import org.deltasampling.diffusion.TrainedSchedule.TimestepMap;
import org.deltasampling.model.SchedulerFile;
import org.deltasampling.sampling.NoiseSource;
import org.deltasampling.sampling.SamplingPlan;
import org.deltasampling.sampling.StepListener;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What science.md 1 says of levels, schedules and parameterizations. */
@ExtendWith(NoLeaks.class)
class DiffusionLawsTest {

    private static final TrainedSchedule SD = TrainedSchedule.scaledLinear(1000, 0.00085, 0.012);

    private static final long[] SHAPE = {1, 4, 8, 8};

    @ParameterizedTest
    @CsvSource({
        "0, 0.029167",
        "1, 0.041314",
        "10, 0.098291",
        "100, 0.343931",
        "249, 0.693205",
        "499, 1.612886",
        "500, 1.618279",
        "749, 4.081729",
        "900, 8.346597",
        "998, 14.526276",
        "999, 14.614641"
    })
    void goldenLevelsOfStableDiffusion(int t, double kappa) {
        assertThat(SD.kappa(t)).isCloseTo(kappa, within(1e-5 * Math.max(1, kappa)));
        assertThat(SD.timestep(SD.kappa(t))).isCloseTo(t, within(1e-6));
        assertThat(SD.nearestTimestep(SD.kappa(t))).isEqualTo(t);
    }

    @ParameterizedTest
    @CsvSource({"0.25, 95.314", "0.5, 353.890", "0.75, 673.155", "0.9, 914.171"})
    void goldenTimestepsOfFlowLevels(double s, double timestep) {
        assertThat(SD.timestep(s / (1 - s))).isCloseTo(timestep, within(1e-2));
    }

    @Test
    void kappaToTimestepAndBack() {
        for (double kappa = 0.03; kappa < 14.6; kappa *= 1.07) {
            assertThat(SD.kappaLogLinear(SD.timestep(kappa))).isCloseTo(kappa, within(1e-6 * kappa));
            assertThat(SD.level(kappa).kappa()).isCloseTo(kappa, within(1e-12 * kappa));
            assertThat(SD.nearestTimestep(kappa)).isBetween((int) SD.timestep(kappa), (int) SD.timestep(kappa) + 1);
        }
    }

    @Test
    void levelsBeyondTheTrainedOnesAreClamped() {
        assertThat(SD.level(Double.POSITIVE_INFINITY)).isEqualTo(SD.level(SD.highest()));
        assertThat(SD.level(0).timestep()).isZero();
        assertThat(SD.level(1e9, TimestepMap.NEAREST).timestep()).isEqualTo(999);
    }

    @Test
    void aScheduleRescaledToNoSignalEndsAsDiffusersDoes() {
        TrainedSchedule rescaled = TrainedSchedule.zeroTerminalSnr(SD);
        assertThat(rescaled.highest()).isCloseTo(4096, within(1e-2)); // sqrt(2^24 - 1)
        assertThat(rescaled.lowest()).isCloseTo(SD.lowest(), within(1e-5));
    }

    /** Network outputs of every kind for the same denoised latent are taken for it, and their differences scale as in 1.3. */
    @ParameterizedTest
    @ValueSource(doubles = {0.05, 0.7, 3, 14})
    void allParameterizationsMeanTheSame(double kappa) {
        try (TensorScope scope = TensorScope.open()) {
            Latent denoised = new SeededNoise(1).draw(SHAPE);
            Latent other = new SeededNoise(2).draw(SHAPE);
            Latent noise = new SeededNoise(3).draw(SHAPE);
            NoiseLevel vp = NoiseLevel.preserving(0, kappa);
            NoiseLevel rf = new NoiseLevel(0, kappa / (1 + kappa), 1 / (1 + kappa));
            for (Parameterization p : Parameterization.values()) {
                NoiseLevel n = p == Parameterization.FLOW ? rf : vp;
                Latent x = n.point(denoised, noise);
                Latent out = p.output(x, denoised, n);
                assertThat(p.denoised(x, out, n)).isCloseTo(denoised, 1e-5 * Math.max(1, kappa));
                Latent difference = p.output(x, other, n).minus(out);
                assertThat(difference).isCloseTo(other.minus(denoised).times(perDenoised(p, kappa)), 1e-4);
            }
            // what the outputs are: noise, alpha noise - sigma denoised, noise - denoised
            Latent x = vp.point(denoised, noise);
            assertThat(Parameterization.EPSILON.output(x, denoised, vp)).isCloseTo(noise, 1e-4);
            assertThat(Parameterization.V_PREDICTION.output(x, denoised, vp))
                    .isCloseTo(Latent.combine(vp.alpha(), noise, -vp.sigma(), denoised), 1e-4);
            assertThat(Parameterization.FLOW.output(rf.point(denoised, noise), denoised, rf))
                    .isCloseTo(noise.minus(denoised), 1e-4);
        }
    }

    /** The first row of the table of science.md 1.3. */
    private static double perDenoised(Parameterization p, double kappa) {
        return switch (p) {
            case EPSILON -> -1 / kappa;
            case V_PREDICTION -> -Math.hypot(1, kappa) / kappa;
            case SAMPLE -> 1;
            case FLOW -> -(1 + kappa) / kappa;
        };
    }

    /** One trajectory in kappa, in variance-preserving coordinates and in flow time: the same end. */
    @Test
    void eulerIsOneMethodInAllCoordinates() {
        try (TensorScope scope = TensorScope.open()) {
            List<Step> preserving = SamplingPlan.of(
                            "euler", null, SchedulerConfig.stableDiffusion(Parameterization.EPSILON), 12)
                    .plan();
            Latent noise = new SeededNoise(5).draw(SHAPE);
            Latent expected = sampled(preserving, noise);
            assertThat(sampled(in(preserving, k -> 1), noise)).isCloseTo(expected, 1e-6);
            assertThat(sampled(in(preserving, k -> 1 / (1 + k)), noise)).isCloseTo(expected, 1e-6);
        }
    }

    /** The same for the levels of SD-3, against diffusers' own formula in flow time, x + (s' - s) u. */
    @Test
    void eulerInFlowTimeIsEulerInSigma() {
        SchedulerConfig flow = SchedulerConfig.flow(FlowSchedule.shifted(1000, 3), null);
        List<Step> plan = SamplingPlan.of("euler", null, flow, 9).plan();
        try (TensorScope scope = TensorScope.open()) {
            Latent x = new SeededNoise(5).draw(SHAPE);
            for (Step step : plan) {
                Latent denoised = x.times(0.3).plus(0.1);
                Latent out = Parameterization.FLOW.output(x, denoised, step.from());
                Latent next = x.plus(step.to().sigma() - step.from().sigma(), out);
                assertThat(step.stepByDenoised(x, denoised)).isCloseTo(next, 1e-5);
                x = next;
            }
            List<Step> after = plan.subList(1, plan.size()); // kappa is infinite at the first
            Latent noise = new SeededNoise(6).draw(SHAPE);
            assertThat(sampled(in(after, k -> 1), noise)).isCloseTo(sampled(after, noise), 1e-5);
        }
    }

    @Test
    void aFlowKnowsEveryLevelByItsOwnName() {
        FlowSchedule flow = FlowSchedule.shifted(1000, 3);
        assertThat(flow.level(Double.POSITIVE_INFINITY)).isEqualTo(new NoiseLevel(1000, 1, 0));
        for (double s : new double[] {0.01, 0.25, 0.5, 0.9}) {
            NoiseLevel n = flow.level(s / (1 - s));
            assertThat(n.sigma()).isCloseTo(s, within(1e-12));
            assertThat(n.alpha()).isCloseTo(1 - s, within(1e-12));
            assertThat(n.timestep()).isCloseTo(1000 * s, within(1e-9));
        }
    }

    @Test
    void whatAFlowCannotDoIsSaid() {
        SchedulerConfig flow = SchedulerConfig.flow(FlowSchedule.shifted(1000, 3), null);
        assertThatThrownBy(() -> SamplingPlan.of("pndm", null, flow, 5))
                .hasMessageContaining("pndm is not for flow models");
        assertThatThrownBy(() -> SamplingPlan.of("euler", "leading", flow, 5)).hasMessageContaining("leading");
        assertThatThrownBy(() -> SamplingPlan.of(
                        "flow-euler", null, SchedulerConfig.stableDiffusion(Parameterization.EPSILON), 5))
                .hasMessageContaining("there is no sampler flow-euler");
        SchedulerConfig stochastic =
                config("{'_class_name': 'FlowMatchEulerDiscreteScheduler', 'stochastic_sampling': true}");
        assertThatThrownBy(() -> SamplingPlan.of("euler", null, stochastic, 5))
                .hasMessageContaining("stochastic_sampling");
    }

    @Test
    void aFlowMayStartInPureNoise() {
        try (TensorScope scope = TensorScope.open()) {
            List<Step> plan = List.of(
                    new Step(new NoiseLevel(1000, 1, 0), new NoiseLevel(500, 0.5, 0.5)),
                    new Step(new NoiseLevel(500, 0.5, 0.5), NoiseLevel.CLEAN));
            Latent end = sampled(plan, new SeededNoise(5).draw(SHAPE));
            assertThat(Double.isFinite(end.norm())).isTrue();
        }
    }

    private interface Alpha {
        double at(double kappa);
    }

    private static List<Step> in(List<Step> plan, Alpha alpha) {
        return plan.stream()
                .map(step -> new Step(in(step.from(), alpha), in(step.to(), alpha)))
                .toList();
    }

    private static NoiseLevel in(NoiseLevel n, Alpha alpha) {
        double a = alpha.at(n.kappa());
        return new NoiseLevel(n.timestep(), n.kappa() * a, a);
    }

    /** From noise at the first level, with a denoiser that knows only kappa and the point over alpha. */
    private static Latent sampled(List<Step> plan, Latent noise) {
        Denoiser denoiser = (x, n) -> {
            double keep = n.alpha() / (n.alpha() * n.alpha() + n.sigma() * n.sigma()); // 1 / (alpha (1 + kappa^2))
            return new Latent(x.times(keep).plus(0.1).tensor().sin());
        };
        return SamplingPlan.of("euler", null, SchedulerConfig.stableDiffusion(Parameterization.EPSILON), 1)
                .sampler()
                .sample(denoiser, noise.times(plan.get(0).from().sigma()), plan, NoiseSource.none(), StepListener.NONE);
    }

    @Test
    void guidanceAsksOnlyWhatItNeeds() {
        try (TensorScope scope = TensorScope.open()) {
            Denoiser never = (x, n) -> {
                throw new AssertionError("not needed");
            };
            Denoiser two = (x, n) -> x.times(2);
            Denoiser three = (x, n) -> x.times(3);
            Latent x = new SeededNoise(1).draw(SHAPE);
            NoiseLevel n = SD.level(1);
            assertThat(new ClassifierFreeGuidance(two, never, 1).denoise(x, n)).isCloseTo(x.times(2), 0);
            assertThat(new ClassifierFreeGuidance(never, three, 0).denoise(x, n))
                    .isCloseTo(x.times(3), 0);
            assertThat(new ClassifierFreeGuidance(two, three, 7.5).denoise(x, n))
                    .isCloseTo(x.times(-4.5), 1e-6);
        }
    }

    @Test
    void theSchedulersWishesAreHeededIfTheyAreWishes() {
        // a class's default says nothing, anything else does
        assertThat(config("{'_class_name': 'DDIMScheduler', 'timestep_spacing': 'leading'}")
                        .placement()
                        .timestepSpacing())
                .isNull();
        assertThat(config("{'_class_name': 'PNDMScheduler'}").placement().timestepSpacing())
                .isNull();
        assertThat(config("{'_class_name': 'DDIMScheduler', 'timestep_spacing': 'trailing'}")
                        .placement()
                        .timestepSpacing())
                .isEqualTo(Spacing.TRAILING);
        assertThat(config("{'_class_name': 'EulerDiscreteScheduler', 'timestep_spacing': 'leading'}")
                        .placement()
                        .timestepSpacing())
                .isEqualTo(Spacing.LEADING);
        SchedulerConfig karras = config("{'_class_name': 'DPMSolverMultistepScheduler', 'use_karras_sigmas': true}");
        assertThat(SamplingPlan.of("dpmpp-2m", null, karras, 5))
                .isEqualTo(SamplingPlan.of("dpmpp-2m", "karras", karras, 5));
        assertThat(SamplingPlan.of("ddim", null, karras, 5)).isEqualTo(SamplingPlan.of("ddim", "leading", karras, 5));
    }

    @ParameterizedTest
    @CsvSource({
        "DDIMScheduler, squaredcos_cap_v2, epsilon, beta_schedule",
        "DDIMScheduler, linear, flow_prediction, prediction_type",
        "FlowMatchEulerDiscreteScheduler, linear, v_prediction, prediction_type"
    })
    void whatIsNotKnownIsRefused(String type, String betas, String prediction, String said) {
        assertThatThrownBy(() -> config("{'_class_name': '%s', 'beta_schedule': '%s', 'prediction_type': '%s'}"
                        .formatted(type, betas, prediction)))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining(said);
    }

    @Test
    void unknownNamesAreAnsweredWithTheKnownOnes() {
        SchedulerConfig sd = SchedulerConfig.stableDiffusion(Parameterization.EPSILON);
        assertThatThrownBy(() -> SamplingPlan.of("eulerr", null, sd, 5))
                .isInstanceOf(BadSamplingException.class)
                .hasMessage(
                        "there is no sampler eulerr: give one of ddim, euler, euler-ancestral, heun, dpmpp-2m, unipc,"
                                + " lms, pndm, deis");
        assertThatThrownBy(() -> SamplingPlan.of("euler", "cosine", sd, 5))
                .isInstanceOf(BadSamplingException.class)
                .hasMessage("there is no schedule cosine: give one of linspace, leading, trailing, karras,"
                        + " linspace-karras, leading-karras, trailing-karras, exponential, linspace-exponential,"
                        + " leading-exponential, trailing-exponential, beta, linspace-beta, leading-beta,"
                        + " trailing-beta, normal");
        assertThatThrownBy(() -> SamplingPlan.of("pndm", "karras", sd, 5)).isInstanceOf(BadSamplingException.class);
        assertThatThrownBy(() -> SamplingPlan.of("euler", null, sd, 0))
                .isInstanceOf(BadSamplingException.class)
                .hasMessage("0 steps cannot be taken: give from 1 to 1000");
    }

    @Test
    void seedsAreThoseOfPyTorchAndOfEachImage() {
        try (TensorScope scope = TensorScope.open()) {
            assertThat(NoiseSource.seeded(0).draw(1, 4, 8, 8).tensor().sum().item_double())
                    .isCloseTo(6.5900774, within(1e-5));
            Latent both = NoiseSource.seeded(0, 1).draw(2, 4, 8, 8);
            assertThat(both.tensor().narrow(0, 1, 1))
                    .isSameAs(NoiseSource.seeded(1).draw(1, 4, 8, 8).tensor());
        }
    }

    private static SchedulerConfig config(String json) {
        try {
            return SchedulerFile.read(new ObjectMapper().readTree(json.replace('\'', '"')));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(json, e);
        }
    }
}
