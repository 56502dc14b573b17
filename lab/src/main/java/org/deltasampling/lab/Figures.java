package org.deltasampling.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The demo's grids of images.
 *
 * @param styles in the order of the blocks
 */
record Figures(Prompts prompts, List<Style> styles) {

    /** How many images of shared prompts are shown, and how many of novel ones. */
    static final int SHARED = 4;

    static final int NOVEL = 3;

    /** The targets alone; then for each style the adapted source and the targets with the style's delta. */
    Grid ofStyles(List<StyleResult> results) {
        List<Grid.Block> blocks = new ArrayList<>();
        blocks.add(new Grid.Block("alone", columns(of(results, styles.get(0)), StyleResult::alone, one -> "")));
        for (Style style : styles) {
            List<StyleResult> own = of(results, style);
            List<Grid.Column> columns = new ArrayList<>();
            columns.add(new Grid.Column("1.x, adapted", own.get(0).adapted().shown()));
            columns.addAll(columns(
                    own, StyleResult::shown, one -> ", λ = " + one.target().shown()));
            blocks.add(new Grid.Block(style.title(), columns));
        }
        List<Grid.Row> rows = IntStream.range(0, SHARED + NOVEL)
                .mapToObj(row -> new Grid.Row(caption(row), row == SHARED))
                .toList();
        return new Grid(blocks, rows);
    }

    private static List<StyleResult> of(List<StyleResult> results, Style style) {
        return results.stream().filter(one -> one.style() == style).toList();
    }

    private static List<Grid.Column> columns(
            List<StyleResult> results, Function<StyleResult, Samples> which, Function<StyleResult, String> suffix) {
        return results.stream()
                .map(one -> new Grid.Column(
                        one.target().title() + suffix.apply(one),
                        which.apply(one).shown()))
                .toList();
    }

    /** For each target the bridges side by side, the styles below each other. */
    Grid ofBridges(List<BridgeResult> results) {
        List<Grid.Block> blocks = new ArrayList<>();
        for (Target target :
                results.stream().map(BridgeResult::target).distinct().toList()) {
            List<Grid.Column> columns = new ArrayList<>();
            for (NamedBridge bridge : target.bridges()) {
                columns.add(new Grid.Column(
                        bridge.name(),
                        results.stream()
                                .filter(one -> one.target().equals(target)
                                        && one.bridge().equals(bridge))
                                .flatMap(one -> Stream.of(0, 1, SHARED)
                                        .map(row -> one.samples().shown().get(row)))
                                .toList()));
            }
            blocks.add(new Grid.Block("%s, λ = %s".formatted(target.title(), target.shown()), columns));
        }
        List<Grid.Row> rows = new ArrayList<>();
        for (Style style : styles) {
            rows.add(new Grid.Row(style.title() + ": " + caption(0), !rows.isEmpty()));
            rows.add(new Grid.Row(style.title() + ": " + caption(1), false));
            rows.add(new Grid.Row(style.title() + ", " + caption(SHARED), false));
        }
        return new Grid(blocks, rows);
    }

    /** The prompt of a row of {@link #ofStyles}. */
    private String caption(int row) {
        return row < SHARED
                ? prompts.shared().get(row).caption()
                : "new to the source: " + prompts.novel().get(row - SHARED).caption();
    }
}
