package org.deltasampling.lab;

/** The colour of a shape. */
enum Colour {
    RED(0xE0322B, true),
    GREEN(0x35B24A, true),
    BLUE(0x2F66F0, true),
    YELLOW(0xF5D22B, true),
    PURPLE(0x9A3FD1, true),
    WHITE(0xF4F4F0, true),
    ORANGE(0xF5861F, false),
    CYAN(0x35D9E6, false);

    private final int rgb;
    private final boolean inSource;

    Colour(int rgb, boolean inSource) {
        this.rgb = rgb;
        this.inSource = inSource;
    }

    /** Red, green, blue, one byte each. */
    int rgb() {
        return rgb;
    }

    /** Whether the source model is trained on it; the targets are trained on all. */
    boolean inSource() {
        return inSource;
    }
}
