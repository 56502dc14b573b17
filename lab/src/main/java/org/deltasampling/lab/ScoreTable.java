package org.deltasampling.lab;

import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** The scores as lines of text. */
final class ScoreTable {

    private static final String FIVE = "%6s %6s %6s %6s %6s".formatted("style", "shape", "colour", "ground", "place");

    private final StringBuilder lines = new StringBuilder();

    private ScoreTable() {}

    /** A line for each target, style and lambda; then one for each target, bridge and style. */
    static String of(List<StyleResult> styles, List<BridgeResult> bridges) {
        ScoreTable table = new ScoreTable();
        for (int i = 0; i < styles.size(); i++) {
            Target target = styles.get(i).target();
            if (i == 0 || !target.equals(styles.get(i - 1).target())) {
                table.begin(target);
            }
            table.rows(styles.get(i));
        }
        table.line("");
        table.line("The bridges, each at the lambda that is shown, on the prompts above.");
        table.line(
                "R2: the share of the variance of held-out latents that a fitted bridge explains, the lower of both directions.");
        table.line("%-31s %-35s   %s", "", "known to both", "new to the source");
        table.line("%-3s %-16s %4s %-8s %s   %s", "to", "bridge", "R2", "style", FIVE, FIVE);
        bridges.forEach(table::row);
        return table.lines.toString();
    }

    private void begin(Target target) {
        line(
                "%s1.x to %s (%s)",
                lines.isEmpty() ? "" : System.lineSeparator(),
                target.title(),
                target.bridge().name());
        line(
                "%d prompts of words that both models know, %d of words that only the target knows",
                target.prompts().shared().size(), target.prompts().novel().size());
        line("%-9s %-16s %-35s   %s", "", "", "known to both", "new to the source");
        line("%-9s %-16s %s   %s", "style", "sampled by", FIVE, FIVE);
    }

    private void rows(StyleResult one) {
        String style = one.style().title();
        row(style, "target alone", one.alone());
        row(style, "source adapted", one.adapted());
        for (int i = 0; i < one.deltas().size(); i++) {
            row(style, "lambda " + one.target().lambdas().get(i), one.deltas().get(i));
        }
    }

    private void row(String style, String sampledBy, Samples samples) {
        line("%-9s %-16s %s   %s", style, sampledBy, five(samples.shared()), five(samples.novel()));
    }

    private void row(BridgeResult one) {
        OptionalDouble explained = one.bridge().explained();
        line(
                "%-3s %-16s %4s %-8s %s   %s",
                one.target().title(),
                one.bridge().name(),
                explained.isPresent() ? String.format(Locale.ROOT, "%.2f", explained.getAsDouble()) : "",
                one.style().title(),
                five(one.samples().shared()),
                five(one.samples().novel()));
    }

    private static String five(Scores s) {
        return String.format(
                Locale.ROOT, "%6.2f %6.2f %6.2f %6.2f %6.2f", s.style(), s.shape(), s.colour(), s.ground(), s.place());
    }

    private void line(String format, Object... values) {
        lines.append(String.format(Locale.ROOT, format, values).stripTrailing()).append(System.lineSeparator());
    }
}
