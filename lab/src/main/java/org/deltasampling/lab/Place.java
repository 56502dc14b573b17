package org.deltasampling.lab;

/** Where a shape is: its centre is near (x, y), in half widths of the image, y downward. */
enum Place {
    MIDDLE("in the middle of", 0, 0),
    LEFT("on the left of", -0.34, 0),
    RIGHT("on the right of", 0.34, 0),
    TOP("at the top of", 0, -0.34),
    BOTTOM("at the bottom of", 0, 0.34);

    /** How far a centre strays from its place, either way. */
    static final double STRAY = 0.09;

    private final String phrase;
    private final double x;
    private final double y;

    Place(String phrase, double x, double y) {
        this.phrase = phrase;
        this.x = x;
        this.y = y;
    }

    /** The words of a caption between the shape and its background. */
    String phrase() {
        return phrase;
    }

    double x() {
        return x;
    }

    double y() {
        return y;
    }
}
