package org.deltasampling.bridge;

import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.LatentSize;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.SeededNoise;

/** Random images with equal variance in each octave of detail, as natural images have it. */
final class ColourField {

    /** Standard deviation of each octave: few values are clamped. */
    private static final double AMPLITUDE = 0.25;

    private ColourField() {}

    /** One image of that size. */
    static ImageTensor draw(SeededNoise noise, PixelSize size) {
        Latent field = octave(noise, 1, size);
        for (long cells = 2; cells <= Math.min(size.height(), size.width()); cells *= 2) {
            field = field.plus(octave(noise, cells, size));
        }
        return new ImageTensor(field.tensor()).clamped();
    }

    private static Latent octave(SeededNoise noise, long cells, PixelSize size) {
        return noise.draw(1, 3, cells, cells).times(AMPLITUDE).resized(new LatentSize(size.width(), size.height()));
    }
}
