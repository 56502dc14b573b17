package org.deltasampling.lab;

import java.util.List;
import java.util.Locale;

/** The judge's figures as lines of text. */
final class ScoreTable {

    private final StringBuilder lines = new StringBuilder();

    private ScoreTable() {}

    /** A line for each style and way of drawing. */
    static String of(List<Demo.Findings> all) {
        ScoreTable table = new ScoreTable();
        table.line(
                "%d prompts of words that both models know, %d of words that only the target knows",
                Demo.SHARED, Demo.NEW);
        table.line("%-9s %-16s %-35s   %s", "", "", "known to both", "new to the source");
        String five = "%6s %6s %6s %6s %6s".formatted("style", "shape", "colour", "ground", "place");
        table.line("%-9s %-16s %s   %s", "style", "drawn by", five, five);
        for (Demo.Findings one : all) {
            table.row(one.name(), "target alone", one.alone());
            table.row(one.name(), "source adapted", one.adapted());
            for (int i = 0; i < one.deltas().size(); i++) {
                table.row(
                        one.name(),
                        "lambda " + Demo.LAMBDAS.get(i),
                        one.deltas().get(i));
            }
        }
        return table.lines.toString();
    }

    private void row(String style, String drawnBy, Demo.Drawn drawn) {
        line("%-9s %-16s %s   %s", style, drawnBy, five(drawn.shared()), five(drawn.fresh()));
    }

    private static String five(Scores s) {
        return String.format(
                Locale.ROOT, "%6.2f %6.2f %6.2f %6.2f %6.2f", s.style(), s.shape(), s.colour(), s.ground(), s.place());
    }

    private void line(String format, Object... values) {
        lines.append(String.format(Locale.ROOT, format, values).stripTrailing()).append(System.lineSeparator());
    }
}
