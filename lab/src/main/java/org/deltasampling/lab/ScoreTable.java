package org.deltasampling.lab;

import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** The judge's figures as lines of text. */
final class ScoreTable {

    private static final String FIVE = "%6s %6s %6s %6s %6s".formatted("style", "shape", "colour", "ground", "place");

    private final StringBuilder lines = new StringBuilder();

    private ScoreTable() {}

    /** A line for each target, style and way of drawing; then one for each target, bridge and style. */
    static String of(List<Demo.Findings> all, List<Demo.Crossing> crossings) {
        ScoreTable table = new ScoreTable();
        for (int i = 0; i < all.size(); i++) {
            Destination to = all.get(i).to();
            if (i == 0 || !to.equals(all.get(i - 1).to())) {
                table.begin(to);
            }
            table.rows(all.get(i));
        }
        table.line("");
        table.line("The bridges, each at the lambda that is shown, on the prompts above.");
        table.line("R2: the share of unseen latents that a fitted one explains, of both ways the worse.");
        table.line("%-31s %-35s   %s", "", "known to both", "new to the source");
        table.line("%-3s %-16s %4s %-8s %s   %s", "to", "bridge", "R2", "style", FIVE, FIVE);
        crossings.forEach(table::row);
        return table.lines.toString();
    }

    private void begin(Destination to) {
        line(
                "%s1.x to %s (%s)",
                lines.isEmpty() ? "" : System.lineSeparator(),
                to.title(),
                to.bridge().name());
        line(
                "%d prompts of words that both models know, %d of words that only the target knows",
                to.prompts().shared().size(), to.prompts().fresh().size());
        line("%-9s %-16s %-35s   %s", "", "", "known to both", "new to the source");
        line("%-9s %-16s %s   %s", "style", "drawn by", FIVE, FIVE);
    }

    private void rows(Demo.Findings one) {
        String style = Demo.name(one.style());
        row(style, "target alone", one.alone());
        row(style, "source adapted", one.adapted());
        for (int i = 0; i < one.deltas().size(); i++) {
            row(style, "lambda " + one.to().lambdas().get(i), one.deltas().get(i));
        }
    }

    private void row(String style, String drawnBy, Demo.Drawn drawn) {
        line("%-9s %-16s %s   %s", style, drawnBy, five(drawn.shared()), five(drawn.fresh()));
    }

    private void row(Demo.Crossing one) {
        OptionalDouble explained = one.by().explained();
        line(
                "%-3s %-16s %4s %-8s %s   %s",
                one.to().title(),
                one.by().name(),
                explained.isPresent() ? String.format(Locale.ROOT, "%.2f", explained.getAsDouble()) : "",
                Demo.name(one.style()),
                five(one.drawn().shared()),
                five(one.drawn().fresh()));
    }

    private static String five(Scores s) {
        return String.format(
                Locale.ROOT, "%6.2f %6.2f %6.2f %6.2f %6.2f", s.style(), s.shape(), s.colour(), s.ground(), s.place());
    }

    private void line(String format, Object... values) {
        lines.append(String.format(Locale.ROOT, format, values).stripTrailing()).append(System.lineSeparator());
    }
}
