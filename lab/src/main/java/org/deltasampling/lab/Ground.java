package org.deltasampling.lab;

/** The colour of the background: muted, so that every {@link Colour} stands out from it. */
enum Ground {
    BLACK(0x17171C, true),
    GRAY(0x85858A, true),
    BROWN(0x6B4226, true),
    NAVY(0x1B2455, true),
    PINK(0xE39AB5, false),
    TEAL(0x14605E, false);

    private final int rgb;
    private final boolean inSource;

    Ground(int rgb, boolean inSource) {
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
