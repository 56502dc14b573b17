package org.deltasampling.lab;

import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;

/**
 * A labelled table of images, drawn without a screen.
 *
 * @param blocks columns that belong together, under one title
 * @param rows what the rows show; a row that begins a new group has a wider gap above
 */
record Grid(List<Block> blocks, List<Row> rows) {

    private static final int CELL = 128;
    private static final int GAP = 4;
    private static final int GROUP_GAP = 18;
    private static final int LEFT = 250;
    private static final int TOP = 64;
    private static final Color INK = new Color(0x202428);
    private static final Color PAPER = Color.WHITE;

    /** A titled group of columns. */
    record Block(String title, List<Column> columns) {}

    /** A titled column of images. */
    record Column(String title, List<BufferedImage> images) {}

    /** A labelled row. */
    record Row(String label, boolean beginsGroup) {}

    /** The whole table as one image. */
    BufferedImage draw() {
        int[] columnAt = columns();
        int[] rowAt = rowTops();
        BufferedImage image =
                new BufferedImage(columnAt[columnAt.length - 1] + GAP, rowAt[rows.size()], BufferedImage.TYPE_INT_RGB);
        Graphics2D g = image.createGraphics();
        g.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        g.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
        g.setColor(PAPER);
        g.fillRect(0, 0, image.getWidth(), image.getHeight());
        g.setColor(INK);
        int index = 0;
        for (Block block : blocks) {
            int left = columnAt[index];
            int right = columnAt[index + block.columns.size() - 1] + CELL;
            g.setFont(new Font(Font.SANS_SERIF, Font.BOLD, 18));
            centred(g, block.title, (left + right) / 2, 24);
            for (Column column : block.columns) {
                g.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 15));
                centred(g, column.title, columnAt[index] + CELL / 2, 50);
                for (int row = 0; row < rows.size(); row++) {
                    g.drawImage(column.images.get(row), columnAt[index], rowAt[row], CELL, CELL, null);
                }
                index++;
            }
        }
        g.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 16));
        for (int row = 0; row < rows.size(); row++) {
            label(g, rows.get(row).label, rowAt[row] + CELL / 2);
        }
        g.dispose();
        return image;
    }

    /** The left edge of each column, and the right edge of the last. */
    private int[] columns() {
        List<Integer> lefts = new ArrayList<>();
        int x = LEFT;
        for (Block block : blocks) {
            for (int i = 0; i < block.columns.size(); i++) {
                lefts.add(x);
                x += CELL + GAP;
            }
            x += GROUP_GAP;
        }
        lefts.add(x - GROUP_GAP);
        return lefts.stream().mapToInt(Integer::intValue).toArray();
    }

    /** The top edge of each row, and the bottom edge of the last. */
    private int[] rowTops() {
        int[] tops = new int[rows.size() + 1];
        int y = TOP;
        for (int row = 0; row < rows.size(); row++) {
            y += rows.get(row).beginsGroup ? GROUP_GAP : 0;
            tops[row] = y;
            y += CELL + GAP;
        }
        tops[rows.size()] = y;
        return tops;
    }

    private static void centred(Graphics2D g, String text, int x, int baseline) {
        g.drawString(text, x - g.getFontMetrics().stringWidth(text) / 2, baseline);
    }

    private static void label(Graphics2D g, String text, int middle) {
        FontMetrics metrics = g.getFontMetrics();
        List<String> lines = new ArrayList<>(List.of(""));
        for (String word : text.split(" ", -1)) {
            String last = lines.get(lines.size() - 1);
            String longer = last.isEmpty() ? word : last + " " + word;
            if (metrics.stringWidth(longer) > LEFT - 24) {
                lines.add(word);
            } else {
                lines.set(lines.size() - 1, longer);
            }
        }
        int y = middle - lines.size() * metrics.getHeight() / 2 + metrics.getAscent();
        for (String line : lines) {
            g.drawString(line, 12, y);
            y += metrics.getHeight();
        }
    }
}
