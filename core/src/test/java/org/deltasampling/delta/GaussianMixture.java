package org.deltasampling.delta;

import java.nio.DoubleBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.bridge.ChannelMap;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.tensor.Latent;

/**
 * A density in the plane of which everything is known in closed form, its exact denoiser too (docs/method.md 8.1): a test tool.
 * Points are latents (n, 2, 1, 1) of doubles.
 */
public final class GaussianMixture {

    /** Weight {@code w}, mean (x, y), variances a and b, covariance c. */
    public record Component(double w, double x, double y, double a, double b, double c) {

        double determinant() {
            return a * b - c * c;
        }

        /** Density at (px, py), without the constant 1 / 2 pi. */
        double at(double px, double py) {
            double dx = px - x;
            double dy = py - y;
            double form = (b * dx * dx - 2 * c * dx * dy + a * dy * dy) / determinant();
            return w * Math.exp(-form / 2) / Math.sqrt(determinant());
        }

        /** Under noise. */
        Component noisy(double variance) {
            return new Component(w, x, y, a + variance, b + variance, c);
        }

        /** Times the Gaussian {@code other}: precisions add up. */
        Component times(Component other) {
            double d = determinant();
            double e = other.determinant();
            // the sum of the precisions, and its inverse
            double pa = b / d + other.b / e;
            double pb = a / d + other.a / e;
            double pc = -c / d - other.c / e;
            double p = pa * pb - pc * pc;
            double hx = (b * x - c * y) / d + (other.b * other.x - other.c * other.y) / e;
            double hy = (a * y - c * x) / d + (other.a * other.y - other.c * other.x) / e;
            Component sum = new Component(w, x, y, a + other.a, b + other.b, c + other.c);
            return new Component(
                    sum.at(other.x, other.y),
                    (pb * hx - pc * hy) / p,
                    (pa * hy - pc * hx) / p,
                    pb / p,
                    pa / p,
                    -pc / p);
        }
    }

    /** Log density, score, and the score's divergence. */
    public record Field(double log, double scoreX, double scoreY, double divergence) {}

    private final List<Component> components;

    private GaussianMixture(List<Component> components) {
        double total = components.stream().mapToDouble(Component::w).sum();
        this.components = components.stream()
                .map(g -> new Component(g.w / total, g.x, g.y, g.a, g.b, g.c))
                .toList();
    }

    /** Five numbers a component: weight, mean, variances. */
    public static GaussianMixture of(double... numbers) {
        List<Component> all = new ArrayList<>();
        for (int i = 0; i < numbers.length; i += 5) {
            all.add(new Component(numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3], numbers[i + 4], 0));
        }
        return new GaussianMixture(all);
    }

    public static GaussianMixture of(Component component) {
        return new GaussianMixture(List.of(component));
    }

    /** Times the Gaussian {@code factor} to the power {@code lambda}. */
    public GaussianMixture times(Component factor, double lambda) {
        Component power = new Component(1, factor.x, factor.y, factor.a / lambda, factor.b / lambda, factor.c / lambda);
        return new GaussianMixture(components.stream().map(g -> g.times(power)).toList());
    }

    /** The density of the images under {@code map}, which is one-to-one. */
    public GaussianMixture under(ChannelMap map) {
        double[] m = map.weights();
        double[] shift = map.bias();
        return new GaussianMixture(components.stream()
                .map(g -> new Component(
                        g.w,
                        m[0] * g.x + m[1] * g.y + shift[0],
                        m[2] * g.x + m[3] * g.y + shift[1],
                        m[0] * m[0] * g.a + 2 * m[0] * m[1] * g.c + m[1] * m[1] * g.b,
                        m[2] * m[2] * g.a + 2 * m[2] * m[3] * g.c + m[3] * m[3] * g.b,
                        m[0] * m[2] * g.a + (m[0] * m[3] + m[1] * m[2]) * g.c + m[1] * m[3] * g.b))
                .toList());
    }

    public double[] sample(int n, long seed) {
        Random random = new Random(seed);
        double[] points = new double[2 * n];
        for (int i = 0; i < n; i++) {
            double u = random.nextDouble();
            Component g = components.get(0);
            for (Component next : components) {
                g = next;
                u -= next.w;
                if (u < 0) {
                    break;
                }
            }
            double first = random.nextGaussian();
            double second = random.nextGaussian();
            double side = Math.sqrt(g.a); // Cholesky's
            points[2 * i] = g.x + side * first;
            points[2 * i + 1] = g.y + g.c / side * first + Math.sqrt(g.b - g.c * g.c / g.a) * second;
        }
        return points;
    }

    /** At the point (x, y) under noise of {@code kappa}. */
    public Field field(double x, double y, double kappa) {
        double sum = 0;
        double slopeX = 0;
        double slopeY = 0;
        double curvature = 0;
        for (Component component : components) {
            Component g = component.noisy(kappa * kappa);
            double d = g.determinant();
            double gx = (g.b * (g.x - x) - g.c * (g.y - y)) / d;
            double gy = (g.a * (g.y - y) - g.c * (g.x - x)) / d;
            double density = g.at(x, y) / (2 * Math.PI) + Double.MIN_NORMAL;
            sum += density;
            slopeX += density * gx;
            slopeY += density * gy;
            curvature += density * (gx * gx + gy * gy - (g.a + g.b) / d);
        }
        double sx = slopeX / sum;
        double sy = slopeY / sum;
        return new Field(Math.log(sum), sx, sy, curvature / sum - sx * sx - sy * sy);
    }

    /** {@code E[x0 | x] = x + kappa^2 score} in variance-exploding coordinates; takes points of any. */
    public Denoiser denoiser() {
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

    public static Latent latent(double[] points) {
        return new Latent(Tensor.create(points).view(-1, 2, 1, 1));
    }

    public static double[] points(Latent x) {
        Tensor flat = x.tensor().contiguous();
        DoubleBuffer numbers = flat.createBuffer();
        double[] points = new double[numbers.remaining()];
        numbers.get(points);
        return points;
    }

    /** Standard normal points. */
    public static Latent noise(int n, long seed) {
        return latent(of(1, 0, 0, 1, 1).sample(n, seed));
    }

    /** The energy distance of two sets of points, 2 E|X - Y| - E|X - X'| - E|Y - Y'| over different points. */
    public static double energyDistance(double[] x, double[] y) {
        int n = x.length / 2;
        int m = y.length / 2;
        return 2 * distances(x, y) / n / m - distances(x, x) / n / (n - 1) - distances(y, y) / m / (m - 1);
    }

    private static double distances(double[] x, double[] y) {
        double sum = 0;
        for (int i = 0; i < x.length; i += 2) {
            for (int j = 0; j < y.length; j += 2) {
                double dx = x[i] - y[j];
                double dy = x[i + 1] - y[j + 1];
                sum += Math.sqrt(dx * dx + dy * dy);
            }
        }
        return sum;
    }

    // the scenarios of docs/method.md 8.1

    public static final GaussianMixture SAME = of(1, -2, 0, .15, .15, 1, 2, 0, .15, .15, 1, 0, 2.5, .15, .15);
    public static final GaussianMixture OVERLAPPING =
            of(1, -2.3, .4, .25, .25, 1, 1.8, -.5, .25, .25, 1, .3, 2.2, .25, .25);
    public static final Component FACTOR = new Component(1, 1.5, .5, .8, 1.2, 0);
}
