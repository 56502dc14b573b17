package org.deltasampling.lab;

import java.util.Locale;

/**
 * Whether a style came over, in a sentence, by the criteria of science.md 8.2. Claim 1: at the lambda from 1 to 2 that does
 * best, the style is at least 0.7 of what it is in the adapted source's own pictures, and shapes are right at least 0.9 times
 * as often as without. Claim 5: on words that the source does not know, the style is at least half of what it is on words
 * that it knows.
 */
final class Verdict {

    private Verdict() {}

    static String of(Demo.Findings findings) {
        Scores alone = findings.alone().shared();
        int best = Demo.LAMBDAS.indexOf(1.0);
        for (int i = best; i < Demo.LAMBDAS.size(); i++) {
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
                "%s at lambda %s: the style %s (%.2f, %.2f without, %.2f in the adapted source's own pictures);"
                        + " the shapes %s (%.0f%% right, %.0f%% without);"
                        + " to words new to the source the style %s (%.2f, with %.0f%% of the shapes right, %.0f%% without).",
                findings.name(),
                Demo.LAMBDAS.get(best),
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

    /** Style, where shapes survive. */
    private static double value(Scores scores, Scores alone) {
        return scores.style() * Math.min(1, scores.shape() / Math.max(1e-9, 0.9 * alone.shape()));
    }
}
