package org.deltasampling.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BetaDistributionTest {

    /** Quantiles of scipy.stats.beta.ppf (scipy 1.17). */
    @ParameterizedTest
    @CsvSource({
        "0.6, 0.6, 0.001, 1.855873851745199e-05",
        "0.6, 0.6, 0.05, 0.012554456873611399",
        "0.6, 0.6, 0.25, 0.17568037865269498",
        "0.6, 0.6, 0.5, 0.5000000000000001",
        "0.6, 0.6, 0.9, 0.9604155944112192",
        "0.6, 0.6, 0.999, 0.9999814412614826",
        "2, 3, 0.001, 0.013022947370814273",
        "2, 3, 0.05, 0.09761146288641434",
        "2, 3, 0.25, 0.24302208375607628",
        "2, 3, 0.5, 0.3857275681323895",
        "2, 3, 0.9, 0.6795394162781817",
        "2, 3, 0.999, 0.9359618608971666",
        "0.6, 4.5, 0.001, 1.9249314657499317e-06",
        "0.6, 4.5, 0.05, 0.001310009564753108",
        "0.6, 4.5, 0.25, 0.019947416257634257",
        "0.6, 4.5, 0.5, 0.07067189851516577",
        "0.6, 4.5, 0.9, 0.30363866508648707",
        "0.6, 4.5, 0.999, 0.7352192440470111",
        "50, 30, 0.001, 0.45338660777996714",
        "50, 30, 0.05, 0.5346931956474539",
        "50, 30, 0.25, 0.5890185632965927",
        "50, 30, 0.5, 0.626046640612379",
        "50, 30, 0.9, 0.693509223208061",
        "50, 30, 0.999, 0.7792104814269047",
        "0.6, 0.6, 0, 0",
        "0.6, 0.6, 1, 1"
    })
    void quantiles(double a, double b, double p, double x) {
        BetaDistribution beta = new BetaDistribution(a, b);
        assertThat(beta.quantile(p)).isCloseTo(x, within(1e-13));
        assertThat(beta.probability(x)).isCloseTo(p, within(1e-13));
    }

    /** Where the distribution function is known: arcsine, powers, and a polynomial. */
    @ParameterizedTest
    @ValueSource(doubles = {0, 1e-12, 0.001, 0.1, 0.3, 0.5, 0.77, 0.999, 1})
    void closedForms(double x) {
        assertThat(new BetaDistribution(0.5, 0.5).probability(x))
                .isCloseTo(2 / Math.PI * Math.asin(Math.sqrt(x)), within(1e-14));
        assertThat(new BetaDistribution(3, 1).probability(x)).isCloseTo(x * x * x, within(1e-14));
        assertThat(new BetaDistribution(1, 0.6).probability(x)).isCloseTo(1 - Math.pow(1 - x, 0.6), within(1e-14));
        assertThat(new BetaDistribution(2, 2).probability(x)).isCloseTo(x * x * (3 - 2 * x), within(1e-14));
        assertThat(new BetaDistribution(2, 2).quantile(x * x * (3 - 2 * x))).isCloseTo(x, within(1e-7));
    }
}
