package org.deltasampling.image;

import org.bytedeco.pytorch.Tensor;
import org.deltasampling.tensor.Latent;

/**
 * An image of 256 levels of grey.
 *
 * @param levels row by row
 */
@SuppressWarnings("ArrayRecordComponent") // neither compared nor kept
record GreyLevels(int width, int height, int[] levels) {

    /** The luminance (ITU-R 601-2) of an image (1, 3, height, width) in [0, 1]. */
    static GreyLevels of(Tensor image) {
        int width = (int) image.size(3);
        int height = (int) image.size(2);
        int area = width * height;
        float[] values = new Latent(image).values();
        int[] levels = new int[area];
        for (int i = 0; i < area; i++) {
            double level = 0.299 * values[i] + 0.587 * values[area + i] + 0.114 * values[2 * area + i];
            levels[i] = (int) Math.round(255 * level);
        }
        return new GreyLevels(width, height, levels);
    }

    /** As red, green and blue alike, (1, 3, height, width) in [0, 1]; owned by the caller's region. */
    Tensor tensor() {
        float[] values = new float[3 * levels.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = levels[i % levels.length] / 255f;
        }
        return Tensor.create(values, 1, 3, height, width);
    }

    /** The level at a place; beyond the edge, that of the nearest place within. */
    int at(int x, int y) {
        return levels[Math.max(0, Math.min(height - 1, y)) * width + Math.max(0, Math.min(width - 1, x))];
    }
}
