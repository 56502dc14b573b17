package org.deltasampling.lab;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Whether a style came over, in a sentence, by the criteria of science.md 8.2. Claim 1: at the lambda from 1 to 2 that does
 * best, the style is at least 0.7 of what it is in the adapted source's own images, and shapes are right at least 0.9 times
 * as often as without. Claim 5: on words that the source does not know, the style is at least half of what it is on words
 * that it knows. Claim 6: by another autoencoder the fitted map with the neighbours carries at least 0.6 of the style that
 * comes over where the autoencoder is the same.
 */
final class Verdict {

    private Verdict() {}

    static String of(Demo.Findings findings) {
        List<Double> lambdas = findings.to().lambdas();
        Scores alone = findings.alone().shared();
        int best = lambdas.indexOf(1.0);
        for (int i = best; i < lambdas.size(); i++) {
            if (value(findings.deltas().get(i).shared(), alone)
                    > value(findings.deltas().get(best).shared(), alone)) {
                best = i;
            }
        }
        Scores at = findings.deltas().get(best).shared();
        Scores fresh = findings.deltas().get(best).fresh();
        double own = findings.adapted().shared().style();
        return String.format(
                Locale.ROOT,
                "%s to %s at lambda %s: the style %s (%.2f, %.2f without, %.2f in the adapted source's own images);"
                        + " the shapes %s (%.0f%% right, %.0f%% without);"
                        + " to words new to the source the style %s (%.2f, with %.0f%% of the shapes right, %.0f%% without).",
                Demo.name(findings.style()),
                findings.to().title(),
                lambdas.get(best),
                at.style() >= 0.7 * own ? "came over" : "did NOT come over",
                at.style(),
                alone.style(),
                own,
                at.shape() >= 0.9 * alone.shape() ? "stayed" : "did NOT stay as they should",
                100 * at.shape(),
                100 * alone.shape(),
                fresh.style() >= 0.5 * at.style() ? "came over" : "did NOT come over as it should",
                fresh.style(),
                100 * fresh.shape(),
                100 * findings.alone().fresh().shape());
    }

    /**
     * Of the bridges to {@code to}.
     *
     * @param same how much of the styles came over to the target with the source's autoencoder
     */
    static String of(Destination to, List<Demo.Crossing> crossings, double same) {
        double fitted = style(to, Bridge.NEIGHBOURS, crossings);
        return String.format(
                Locale.ROOT,
                "bridges to %s at lambda %s, style on average: %s; %.2f at lambda 1 where the autoencoder is the same, of which the %s %s 0.6.",
                to.title(),
                to.shown(),
                to.bridges().stream()
                        .map(by -> String.format(Locale.ROOT, "%s %.2f", by.name(), style(to, by.name(), crossings)))
                        .collect(Collectors.joining(", ")),
                same,
                Bridge.NEIGHBOURS,
                fitted >= 0.6 * same ? "carries at least" : "does NOT carry");
    }

    private static double style(Destination to, String bridge, List<Demo.Crossing> crossings) {
        return crossings.stream()
                .filter(one -> one.to().equals(to) && one.by().name().equals(bridge))
                .mapToDouble(one -> one.drawn().shared().style())
                .average()
                .orElseThrow();
    }

    /** Style, where shapes survive. */
    private static double value(Scores scores, Scores alone) {
        return scores.style() * Math.min(1, scores.shape() / Math.max(1e-9, 0.9 * alone.shape()));
    }
}
