package org.deltasampling;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.tensor.ImageTensor;

/** Image files as tensors. */
public final class TestImages {

    private TestImages() {}

    /** (1, 3, height, width). */
    public static ImageTensor read(Path file) {
        try {
            BufferedImage image = ImageIO.read(file.toFile());
            int size = image.getWidth() * image.getHeight();
            int[] rgb = image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
            float[] values = new float[3 * size];
            for (int i = 0; i < values.length; i++) {
                values[i] = ((rgb[i % size] >> (16 - 8 * (i / size))) & 0xff) / 127.5f - 1;
            }
            return new ImageTensor(Tensor.create(values, 1, 3, image.getHeight(), image.getWidth()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
