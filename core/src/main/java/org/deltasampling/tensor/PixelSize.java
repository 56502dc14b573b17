package org.deltasampling.tensor;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Width and height of an image in pixels, each above 0; written 512x768. */
public record PixelSize(int width, int height) {

    private static final Pattern FORM = Pattern.compile("([1-9]\\d{0,4})[xX×]([1-9]\\d{0,4})");

    /** Reads WIDTHxHEIGHT; empty if {@code text} has another form. */
    public static Optional<PixelSize> parse(String text) {
        Matcher m = FORM.matcher(text.strip());
        return m.matches()
                ? Optional.of(new PixelSize(Integer.parseInt(m.group(1)), Integer.parseInt(m.group(2))))
                : Optional.empty();
    }

    @Override
    public String toString() {
        return width + "x" + height;
    }
}
