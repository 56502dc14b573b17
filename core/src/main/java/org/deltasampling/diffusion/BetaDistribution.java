package org.deltasampling.diffusion;

/** The beta distribution on [0, 1], its density proportional to {@code x^(a-1) (1-x)^(b-1)}. */
record BetaDistribution(double a, double b) {

    /** Lanczos' coefficients for g = 7, n = 9. */
    private static final double[] LANCZOS = {
        0.99999999999980993,
        676.5203681218851,
        -1259.1392167224028,
        771.32342877765313,
        -176.61502916214059,
        12.507343278686905,
        -0.13857109526572012,
        9.9843695780195716e-6,
        1.5056327351493116e-7
    };

    /** Where the distribution function is {@code p}, from 0 to 1; to the last digits, by bisection. */
    double quantile(double p) {
        double low = 0;
        double high = 1;
        while (true) {
            double middle = (low + high) / 2;
            if (middle == low || middle == high) {
                return p < 1 ? low : 1;
            }
            if (probability(middle) < p) {
                low = middle;
            } else {
                high = middle;
            }
        }
    }

    /** The distribution function: the regularised incomplete beta function I_x(a, b). */
    double probability(double x) {
        if (x <= 0 || x >= 1) {
            return x <= 0 ? 0 : 1;
        }
        // the fraction converges fast below the mean; above it, the mirrored one does
        return x < (a + 1) / (a + b + 2) ? lowerTail(x) : 1 - new BetaDistribution(b, a).lowerTail(1 - x);
    }

    /** x^a (1-x)^b / (a B(a, b)) over its continued fraction (DLMF 8.17.22), by Lentz's method. */
    private double lowerTail(double x) {
        double front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
        double c = 1;
        double d = 1 / nonZero(1 + coefficient(1, x));
        double fraction = d;
        for (int m = 2; m < 500; m++) {
            double coefficient = coefficient(m, x);
            d = 1 / nonZero(1 + coefficient * d);
            c = nonZero(1 + coefficient / c);
            fraction *= c * d;
            if (Math.abs(c * d - 1) < 1e-16) {
                break;
            }
        }
        return front * fraction / a;
    }

    private double coefficient(int m, double x) {
        int k = m / 2;
        return m % 2 == 0
                ? k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k))
                : -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1));
    }

    private static double nonZero(double value) {
        return Math.abs(value) < 1e-300 ? 1e-300 : value;
    }

    private static double logGamma(double z) {
        double sum = LANCZOS[0];
        for (int i = 1; i < LANCZOS.length; i++) {
            sum += LANCZOS[i] / (z - 1 + i);
        }
        double t = z + 6.5;
        return 0.5 * Math.log(2 * Math.PI) + (z - 0.5) * Math.log(t) - t + Math.log(sum);
    }
}
