package org.deltasampling.image;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.file.BadFileException;
import org.deltasampling.file.SystemReason;
import org.deltasampling.tensor.ImageTensor;
import org.jspecify.annotations.Nullable;

/** Reads images that users bring: PNG, JPEG, and what else Java knows. */
public final class ImageFile {

    private ImageFile() {}

    /**
     * The image in {@code file}.
     *
     * @throws BadFileException if there is none that can be decoded
     */
    public static BufferedImage read(Path file) {
        BufferedImage image;
        try (InputStream in = Files.newInputStream(file)) {
            image = ImageIO.read(in);
        } catch (IOException e) {
            if (!Files.isReadable(file) || Files.isDirectory(file)) {
                throw new BadFileException("%s cannot be read: %s".formatted(file, SystemReason.of(e)), e);
            }
            throw undecodable(file, e);
        } catch (RuntimeException e) { // ImageIO's readers throw them for damaged files
            throw undecodable(file, e);
        }
        if (image == null) {
            throw undecodable(file, null);
        }
        return image;
    }

    private static BadFileException undecodable(Path file, @Nullable Throwable cause) {
        return new BadFileException(file + " cannot be decoded as an image: give a PNG or a JPEG", cause);
    }

    /** {@code image} in native memory, (1, 3, height, width) in [-1, 1], without its transparency; owned by the caller's region. */
    public static ImageTensor tensor(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        int[] rgb = image.getRGB(0, 0, width, height, null, 0, width);
        float[] values = new float[3 * rgb.length];
        for (int i = 0; i < rgb.length; i++) {
            for (int channel = 0; channel < 3; channel++) {
                values[channel * rgb.length + i] = ((rgb[i] >> (16 - 8 * channel)) & 0xff) / 127.5f - 1;
            }
        }
        if (image.getType() == BufferedImage.TYPE_BYTE_GRAY) { // whose levels getRGB takes for those of linear light
            float[] levels = image.getRaster().getSamples(0, 0, width, height, 0, (float[]) null);
            for (int i = 0; i < values.length; i++) {
                values[i] = levels[i % levels.length] / 127.5f - 1;
            }
        }
        return new ImageTensor(Tensor.create(values, 1, 3, height, width));
    }
}
