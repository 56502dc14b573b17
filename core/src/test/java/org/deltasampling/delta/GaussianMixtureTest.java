package org.deltasampling.delta;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.DoubleBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.DoubleStream;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The method on mixtures of Gaussians in the plane, where everything is known in closed form (science.md 8.1): how far what
 * it samples is from the product that it aims at, {@code p_T (p_A / p_B)^lambda}. Points are latents (n, 2, 1, 1).
 */
@ExtendWith(NoLeaks.class)
class GaussianMixtureTest {

    /** A component with weight {@code w}, mean (x, y) and variances (a, b). */
    private record Component(double w, double x, double y, double a, double b) {}

    private record Mixture(List<Component> components) {

        static Mixture of(double... numbers) {
            List<Component> all = new ArrayList<>();
            for (int i = 0; i < numbers.length; i += 5) {
                all.add(new Component(numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3], numbers[i + 4]));
            }
            double total = all.stream().mapToDouble(Component::w).sum();
            return new Mixture(all.stream()
                    .map(c -> new Component(c.w / total, c.x, c.y, c.a, c.b))
                    .toList());
        }

        /** Times a Gaussian factor of mean (x, y) and variances (a, b), to the power {@code lambda}. */
        Mixture times(Component factor, double lambda) {
            double fa = factor.a / lambda;
            double fb = factor.b / lambda;
            double[] numbers = components.stream()
                    .flatMapToDouble(c -> DoubleStream.of(
                            c.w * normal(c.x - factor.x, c.a + fa) * normal(c.y - factor.y, c.b + fb),
                            (c.x * fa + factor.x * c.a) / (c.a + fa),
                            (c.y * fb + factor.y * c.b) / (c.b + fb),
                            c.a * fa / (c.a + fa),
                            c.b * fb / (c.b + fb)))
                    .toArray();
            return of(numbers);
        }

        double[] sample(int n, long seed) {
            Random random = new Random(seed);
            double[] points = new double[2 * n];
            for (int i = 0; i < n; i++) {
                double u = random.nextDouble();
                Component c = components.get(0);
                for (Component next : components) {
                    c = next;
                    u -= next.w;
                    if (u < 0) {
                        break;
                    }
                }
                points[2 * i] = c.x + Math.sqrt(c.a) * random.nextGaussian();
                points[2 * i + 1] = c.y + Math.sqrt(c.b) * random.nextGaussian();
            }
            return points;
        }

        /** At the point (x, y) under noise of {@code kappa}. */
        Field field(double x, double y, double kappa) {
            double sum = 0;
            double slopeX = 0;
            double slopeY = 0;
            double curvature = 0;
            for (Component c : components) {
                double a = c.a + kappa * kappa;
                double b = c.b + kappa * kappa;
                double gx = (c.x - x) / a;
                double gy = (c.y - y) / b;
                double density = c.w / (2 * Math.PI) * normal(x - c.x, a) * normal(y - c.y, b) + Double.MIN_NORMAL;
                sum += density;
                slopeX += density * gx;
                slopeY += density * gy;
                curvature += density * (gx * gx + gy * gy - 1 / a - 1 / b);
            }
            double sx = slopeX / sum;
            double sy = slopeY / sum;
            return new Field(Math.log(sum), sx, sy, curvature / sum - sx * sx - sy * sy);
        }

        /** {@code E[clean | x] = x + kappa^2 score}, in variance-exploding coordinates. */
        Denoiser denoiser() {
            return (x, n) -> {
                double[] points = points(x);
                double kappa = n.kappa();
                for (int i = 0; i < points.length; i += 2) {
                    points[i] /= n.alpha();
                    points[i + 1] /= n.alpha();
                    Field field = field(points[i], points[i + 1], kappa);
                    points[i] += kappa * kappa * field.scoreX;
                    points[i + 1] += kappa * kappa * field.scoreY;
                }
                return latent(points);
            };
        }
    }

    /** Log density, score, and the score's divergence. */
    private record Field(double log, double scoreX, double scoreY, double divergence) {}

    private static Latent latent(double[] points) {
        return new Latent(Tensor.create(points).view(-1, 2, 1, 1));
    }

    private static double[] points(Latent x) {
        Tensor flat = x.tensor().contiguous();
        DoubleBuffer numbers = flat.createBuffer();
        double[] points = new double[numbers.remaining()];
        numbers.get(points);
        return points;
    }

    private static double normal(double x, double variance) {
        return Math.exp(-x * x / (2 * variance)) / Math.sqrt(variance);
    }

    private static final Mixture SAME = Mixture.of(1, -2, 0, .15, .15, 1, 2, 0, .15, .15, 1, 0, 2.5, .15, .15);
    private static final Mixture OVERLAPPING =
            Mixture.of(1, -2.3, .4, .25, .25, 1, 1.8, -.5, .25, .25, 1, .3, 2.2, .25, .25);
    private static final Component SAME_FACTOR = new Component(1, 1.5, .5, .8, 1.2);
    private static final Mixture FACTORISED_BASE = Mixture.of(1, 0, -2, .3, .1, 1, 0, 2, .3, .1);
    private static final Mixture FACTORISED_TARGET = Mixture.of(1, 0, -3, .3, .2, 2, 0, 0, .3, .2, 1, 0, 3, .3, .2);
    private static final Component FACTORISED_FACTOR = new Component(1, 1.2, 0, .4, 1e6);

    /** KL from the product to what is sampled, by change of variables along the flow: the table of science.md 6.5. */
    @ParameterizedTest
    @CsvSource({
        "same, 1, 0, 0.005",
        "same, 0.5, 0.093, 0.02",
        "same, 2, 1.20, 0.18",
        "factorised, 1, 0, 0.005",
        "factorised, 2, 0.12, 0.02",
        "overlapping, 1, 0.26, 0.039",
        "overlapping, 0.5, 0.11, 0.02"
    })
    void divergenceFromTheProduct(String scenario, double lambda, double expected, double tolerance) {
        boolean factorised = scenario.equals("factorised");
        Mixture base = factorised ? FACTORISED_BASE : SAME;
        Component factor = factorised ? FACTORISED_FACTOR : SAME_FACTOR;
        Mixture target = factorised ? FACTORISED_TARGET : scenario.equals("same") ? SAME : OVERLAPPING;
        try (TensorScope scope = TensorScope.open()) {
            Mixture adapted = base.times(factor, 1);
            Mixture product = target.times(factor, lambda);
            Denoiser delta = new DeltaDenoiser(
                    target.denoiser(),
                    new Delta(
                            new Source(base.denoiser(), GaussianMixtureTest::exploding, LatentBridge.SAME),
                            adapted.denoiser(),
                            n -> lambda));
            double[] x = product.sample(3000, 1);
            double truth = 0;
            for (int i = 0; i < x.length; i += 2) {
                truth += product.field(x[i], x[i + 1], 0).log;
            }
            Divergence divergence = (px, py, kappa) -> target.field(px, py, kappa).divergence
                    + lambda * (adapted.field(px, py, kappa).divergence - base.field(px, py, kappa).divergence);
            assertThat((truth - logDensity(delta, divergence, x)) * 2 / x.length)
                    .isCloseTo(expected, Offset.offset(tolerance));
        }
    }

    /** The divergence of the score that is followed. */
    private interface Divergence {
        double at(double x, double y, double kappa);
    }

    /** The log density at all points {@code x}, added up, of what the flow of {@code denoiser} samples. */
    private static double logDensity(Denoiser denoiser, Divergence divergence, double[] x) {
        int steps = 160;
        double[] points = x.clone();
        double total = 0;
        for (int i = 0; i < steps; i++) {
            double from = kappa(i, steps);
            double to = kappa(i + 1, steps);
            total -= (to - from) / 2 * from * sum(divergence, points, from);
            points = risen(denoiser, points, from, to);
            total -= (to - from) / 2 * to * sum(divergence, points, to);
        }
        double last = kappa(steps, steps);
        for (double value : points) {
            total += Math.log(normal(value, last * last)) - Math.log(2 * Math.PI) / 2;
        }
        return total;
    }

    private static double sum(Divergence divergence, double[] points, double kappa) {
        double sum = 0;
        for (int i = 0; i < points.length; i += 2) {
            sum += divergence.at(points[i], points[i + 1], kappa);
        }
        return sum;
    }

    /** One of Heun's steps up, along the noise that {@code denoiser} sees. */
    private static double[] risen(Denoiser denoiser, double[] points, double from, double to) {
        try (TensorScope scope = TensorScope.open()) {
            Latent x = latent(points);
            Latent here = exploding(from).noise(x, denoiser.denoise(x, exploding(from)));
            Latent there = x.plus(to - from, here);
            Latent ahead = exploding(to).noise(there, denoiser.denoise(there, exploding(to)));
            return points(x.plus((to - from) / 2, here).plus((to - from) / 2, ahead));
        }
    }

    /** From 0.002 to 80, evenly in the seventh root. */
    private static double kappa(int i, int steps) {
        double low = Math.pow(0.002, 1 / 7.);
        double high = Math.pow(80, 1 / 7.);
        return Math.pow(low + (high - low) * i / steps, 7);
    }

    private static NoiseLevel exploding(double kappa) {
        return new NoiseLevel(0, kappa, 1);
    }

    /** A target in other coordinates, preserving or flow, gets the same answer at the same level of noise. */
    @Test
    void theTargetsCoordinatesAreNoMatter() {
        try (TensorScope scope = TensorScope.open()) {
            Denoiser delta = new DeltaDenoiser(
                    OVERLAPPING.denoiser(),
                    new Delta(
                            new Source(SAME.denoiser(), kappa -> NoiseLevel.preserving(0, kappa), LatentBridge.SAME),
                            SAME.times(SAME_FACTOR, 1).denoiser(),
                            n -> 1.5));
            Latent clean = latent(OVERLAPPING.sample(500, 2));
            Latent noise = latent(Mixture.of(1, 0, 0, 1, 1).sample(500, 3));
            for (double kappa : new double[] {0.1, 1, 5}) {
                NoiseLevel preserving = NoiseLevel.preserving(0, kappa);
                NoiseLevel flow = new NoiseLevel(0, kappa / (1 + kappa), 1 / (1 + kappa));
                Latent expected = delta.denoise(exploding(kappa).point(clean, noise), exploding(kappa));
                for (NoiseLevel n : List.of(preserving, flow)) {
                    TensorAssert.assertThat(delta.denoise(n.point(clean, noise), n))
                            .isCloseTo(expected, 1e-9);
                }
            }
        }
    }
}
