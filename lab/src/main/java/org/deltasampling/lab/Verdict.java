package org.deltasampling.lab;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Whether a style transfers, in a sentence, by the criteria of docs/method.md 8.2. Claim 1: at the best lambda from 1 to 2,
 * the style is at least 0.7 of what it is in the adapted source's own images, and shapes are right at least 0.9 times as
 * often as without the delta. Claim 5: on words that are new to the source, the style is at least half of what it is on words
 * that both know. Claim 6: between unlike autoencoders the fitted 3x3 bridge carries at least 0.6 of the style that transfers
 * where the autoencoder is shared.
 */
final class Verdict {

    private Verdict() {}

    static String of(StyleResult result) {
        List<Double> lambdas = result.target().lambdas();
        Scores alone = result.alone().shared();
        int best = lambdas.indexOf(1.0);
        for (int i = best; i < lambdas.size(); i++) {
            if (value(result.deltas().get(i).shared(), alone)
                    > value(result.deltas().get(best).shared(), alone)) {
                best = i;
            }
        }
        Scores at = result.deltas().get(best).shared();
        Scores novel = result.deltas().get(best).novel();
        double own = result.adapted().shared().style();
        return String.format(
                Locale.ROOT,
                "%s to %s at lambda %s: the style %s (%.2f, %.2f without, %.2f in the adapted source's own images);"
                        + " the shapes %s (%.0f%% right, %.0f%% without);"
                        + " on words new to the source the style %s (%.2f, with %.0f%% of the shapes right, %.0f%% without).",
                result.style().title(),
                result.target().title(),
                lambdas.get(best),
                at.style() >= 0.7 * own ? "transfers" : "does NOT transfer",
                at.style(),
                alone.style(),
                own,
                at.shape() >= 0.9 * alone.shape() ? "are kept" : "are NOT kept as they should be",
                100 * at.shape(),
                100 * alone.shape(),
                novel.style() >= 0.5 * at.style() ? "transfers" : "does NOT transfer as it should",
                novel.style(),
                100 * novel.shape(),
                100 * result.alone().novel().shape());
    }

    /**
     * Of the bridges to {@code target}.
     *
     * @param shared the mean style score of the target with the source's autoencoder
     */
    static String of(Target target, List<BridgeResult> results, double shared) {
        double fitted = style(target, NamedBridge.LINEAR_3X3, results);
        return String.format(
                Locale.ROOT,
                "bridges to %s at lambda %s, style on average: %s; %.2f at lambda 1 where the autoencoder is shared, of which the %s %s 0.6.",
                target.title(),
                target.shown(),
                target.bridges().stream()
                        .map(by -> String.format(Locale.ROOT, "%s %.2f", by.name(), style(target, by.name(), results)))
                        .collect(Collectors.joining(", ")),
                shared,
                NamedBridge.LINEAR_3X3,
                fitted >= 0.6 * shared ? "carries at least" : "does NOT carry");
    }

    private static double style(Target target, String bridge, List<BridgeResult> results) {
        return results.stream()
                .filter(one ->
                        one.target().equals(target) && one.bridge().name().equals(bridge))
                .mapToDouble(one -> one.samples().shared().style())
                .average()
                .orElseThrow();
    }

    /** The style, less where shapes are lost. */
    private static double value(Scores scores, Scores alone) {
        return scores.style() * Math.min(1, scores.shape() / Math.max(1e-9, 0.9 * alone.shape()));
    }
}
