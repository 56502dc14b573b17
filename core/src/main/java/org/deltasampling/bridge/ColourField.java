package org.deltasampling.bridge;

import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.LatentSize;
import org.deltasampling.tensor.SeededNoise;

/** Random colours with as much variance in each octave of detail, as images have it, for want of images. */
final class ColourField {

    /** Of each octave: few colours are cut off. */
    private static final double AMPLITUDE = 0.25;

    private ColourField() {}

    /** A field of (1, 3, height, width), -1 to 1. */
    static Latent draw(SeededNoise noise, LatentSize size) {
        Latent field = octave(noise, 1, size);
        for (long cells = 2; cells <= Math.min(size.height(), size.width()); cells *= 2) {
            field = field.plus(octave(noise, cells, size));
        }
        return field.clamped(1);
    }

    private static Latent octave(SeededNoise noise, long cells, LatentSize size) {
        return noise.draw(1, 3, cells, cells).times(AMPLITUDE).resized(size);
    }
}
