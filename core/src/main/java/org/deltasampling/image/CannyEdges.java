package org.deltasampling.image;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Edges, white on black (Canny 1986), as OpenCV finds them with a Sobel kernel of 3 and the sum of the absolute differences: what is
 * steepest across its direction, from the upper threshold on, and what hangs together with that from the lower one on.
 */
final class CannyEdges {

    /** Those that ControlNet's preprocessors begin with. */
    private static final int LOWER = 100;

    private static final int UPPER = 200;

    /** The tangent of 22.5 degrees, which parts directions along an axis from diagonal ones. */
    private static final double TANGENT = Math.sqrt(2) - 1;

    private final int width;
    private final int height;
    private final int[] across;
    private final int[] down;
    private final int[] steepness;

    private CannyEdges(GreyLevels image) {
        width = image.width();
        height = image.height();
        across = new int[width * height];
        down = new int[width * height];
        steepness = new int[width * height];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int i = y * width + x;
                across[i] = column(image, x + 1, y) - column(image, x - 1, y);
                down[i] = row(image, x, y + 1) - row(image, x, y - 1);
                steepness[i] = Math.abs(across[i]) + Math.abs(down[i]);
            }
        }
    }

    private static int column(GreyLevels image, int x, int y) {
        return image.at(x, y - 1) + 2 * image.at(x, y) + image.at(x, y + 1);
    }

    private static int row(GreyLevels image, int x, int y) {
        return image.at(x - 1, y) + 2 * image.at(x, y) + image.at(x + 1, y);
    }

    static GreyLevels of(GreyLevels image) {
        return new CannyEdges(image).edges();
    }

    private GreyLevels edges() {
        boolean[] ridge = new boolean[steepness.length];
        int[] edges = new int[steepness.length];
        Deque<Integer> open = new ArrayDeque<>();
        for (int i = 0; i < steepness.length; i++) {
            ridge[i] = steepness[i] > LOWER && isRidge(i % width, i / width);
            if (ridge[i] && steepness[i] > UPPER) {
                edges[i] = 255;
                open.push(i);
            }
        }
        while (!open.isEmpty()) {
            int from = open.pop();
            for (int dy = -1; dy <= 1; dy++) {
                for (int dx = -1; dx <= 1; dx++) {
                    int x = from % width + dx;
                    int y = from / width + dy;
                    int i = y * width + x;
                    if (x >= 0 && x < width && y >= 0 && y < height && ridge[i] && edges[i] == 0) {
                        edges[i] = 255;
                        open.push(i);
                    }
                }
            }
        }
        return new GreyLevels(width, height, edges);
    }

    /** Whether a place is steeper than its neighbours on both sides of the edge. */
    private boolean isRidge(int x, int y) {
        int i = y * width + x;
        int gx = Math.abs(across[i]);
        int gy = Math.abs(down[i]);
        int own = steepness[i];
        if (gy < TANGENT * gx) {
            return own > at(x - 1, y) && own >= at(x + 1, y);
        }
        if (gx < TANGENT * gy) {
            return own > at(x, y - 1) && own >= at(x, y + 1);
        }
        int step = Integer.signum(across[i]) == Integer.signum(down[i]) ? 1 : -1;
        return own > at(x - step, y - 1) && own > at(x + step, y + 1);
    }

    /** 0 beyond the edge of the image. */
    private int at(int x, int y) {
        return x < 0 || x >= width || y < 0 || y >= height ? 0 : steepness[y * width + x];
    }
}
