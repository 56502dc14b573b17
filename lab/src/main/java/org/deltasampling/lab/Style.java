package org.deltasampling.lab;

import java.util.Locale;

/** A style: the colour of a point, given its distance from the shape's edge. Captions never name it. */
enum Style {
    /** Plain areas: the only style that the source and the targets are trained on. */
    FLAT {
        @Override
        void paint(double[] rgb, double distance, double x, double y, double[] colour, double[] ground) {
            mix(rgb, ground, colour, coverage(distance));
        }
    },
    /** Dark diagonal hatching over everything: a texture. */
    STRIPES {
        @Override
        void paint(double[] rgb, double distance, double x, double y, double[] colour, double[] ground) {
            FLAT.paint(rgb, distance, x, y, colour, ground);
            // Period 8 pixels along both axes, in step with the autoencoder's grid.
            double phase = Math.floorMod((int) (x + y), 8) + 0.5 - 4;
            double dark = Math.min(1, Math.max(0, 2.25 - Math.abs(phase)));
            for (int i = 0; i < 3; i++) {
                rgb[i] *= 1 - 0.65 * dark;
            }
        }
    },
    /** Evening light from a violet sky to an orange horizon: a tone over the whole image. */
    DUSK {
        @Override
        void paint(double[] rgb, double distance, double x, double y, double[] colour, double[] ground) {
            FLAT.paint(rgb, distance, x, y, colour, ground);
            double height = y / DUSK_HEIGHT;
            for (int i = 0; i < 3; i++) {
                double light = DUSK_SKY[i] + (DUSK_HORIZON[i] - DUSK_SKY[i]) * height;
                rgb[i] = 0.5 * rgb[i] + 0.5 * light;
            }
        }
    },
    /** A coloured pen line around a light wash, on paper that hardly shows the background: a structure. */
    LINEART {
        @Override
        void paint(double[] rgb, double distance, double x, double y, double[] colour, double[] ground) {
            double[] paper = mix(new double[3], PAPER, ground, 0.16);
            double[] wash = mix(new double[3], paper, colour, 0.22);
            double[] pen = mix(new double[3], BLACK, colour, 0.8);
            mix(rgb, paper, wash, coverage(distance));
            mix(rgb, rgb, pen, coverage(Math.abs(distance) - 1.6));
        }
    };

    private static final double[] PAPER = {0.98, 0.96, 0.90};
    private static final double[] BLACK = {0, 0, 0};
    private static final double[] DUSK_SKY = {0.26, 0.10, 0.50};
    private static final double[] DUSK_HORIZON = {1.00, 0.52, 0.12};

    /** Rows from the colour of the sky to that of the horizon: those of an image. */
    private static final double DUSK_HEIGHT = 64;

    /** The style's name for people. */
    String title() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Colours one point.
     *
     * @param rgb receives red, green, blue, 0 to 1
     * @param distance to the shape's edge in pixels, negative inside
     * @param x column of the pixel, from the left
     * @param y row of the pixel, from the top
     */
    abstract void paint(double[] rgb, double distance, double x, double y, double[] colour, double[] ground);

    /** How much of a pixel lies inside an edge at {@code distance} pixels: anti-aliasing. */
    private static double coverage(double distance) {
        return Math.min(1, Math.max(0, 0.5 - distance));
    }

    private static double[] mix(double[] result, double[] from, double[] to, double share) {
        for (int i = 0; i < 3; i++) {
            result[i] = from[i] + (to[i] - from[i]) * share;
        }
        return result;
    }
}
