package org.deltasampling.image;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.file.WholeFile;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;

/** An image, its final latents and where it comes from; plain Java, so that it may outlive what made it. */
public final class Image {

    private final int width;
    private final int height;
    private final byte[] rgb;
    private final long[] latentShape;
    private final float[] latents;
    private final Provenance provenance;

    /**
     * @param decoded one image
     * @param latents (1, channels, height, width) in the model's scaled units
     */
    public Image(ImageTensor decoded, Latent latents, Provenance provenance) {
        this.provenance = provenance;
        width = decoded.size().width();
        height = decoded.size().height();
        latentShape = latents.shape();
        rgb = new byte[3 * width * height];
        this.latents = new float[(int) latents.tensor().numel()];
        try (TensorScope scope = TensorScope.open()) {
            Tensor bytes = decoded.tensor()
                    .to(torch.ScalarType.Float)
                    .mul(new Scalar(127.5))
                    .add(new Scalar(127.5))
                    .round()
                    .clamp(new ScalarOptional(new Scalar(0.0)), new ScalarOptional(new Scalar(255.0)))
                    .to(torch.ScalarType.Byte)
                    .permute(0, 2, 3, 1)
                    .contiguous(); // (1, height, width, 3)
            bytes.<ByteBuffer>createBuffer().get(rgb);
            latents.tensor()
                    .to(torch.ScalarType.Float)
                    .contiguous()
                    .<FloatBuffer>createBuffer()
                    .get(this.latents);
        }
    }

    public int width() {
        return width;
    }

    public int height() {
        return height;
    }

    /** The recipe that makes this image alone. */
    public Recipe recipe() {
        return provenance.recipe();
    }

    public Provenance provenance() {
        return provenance;
    }

    /** The final latents, (channels, height, width), in the model's scaled units, as a copy. */
    public float[] latents() {
        return latents.clone();
    }

    /** The pixels, as a copy. */
    public BufferedImage toBufferedImage() {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < width * height; i++) {
            int red = rgb[3 * i] & 0xff;
            int green = rgb[3 * i + 1] & 0xff;
            int blue = rgb[3 * i + 2] & 0xff;
            image.setRGB(i % width, i / width, red << 16 | green << 8 | blue);
        }
        return image;
    }

    /** A PNG that carries this image's recipe, and its settings as A1111 writes them. */
    public byte[] toPng() {
        try {
            return Png.encode(toBufferedImage(), provenance.toJson(), ParametersText.of(provenance, width, height));
        } catch (IOException e) {
            throw new UncheckedIOException(e); // nothing but memory is written to
        }
    }

    /**
     * Writes {@link #toPng}; the file appears whole or not at all.
     *
     * @throws org.deltasampling.file.BadFileException if it cannot be written
     */
    public void write(Path file) {
        WholeFile.write(file, out -> out.write(toPng()));
    }

    /**
     * Writes {@link #latents(List)}; the file appears whole or not at all.
     *
     * @throws org.deltasampling.file.BadFileException if it cannot be written
     */
    public static void writeLatents(Path file, List<Image> images) {
        WholeFile.write(file, latents(images));
    }

    /** The final latents of all images as a file: one tensor "latents", (images, channels, height, width), float32. */
    public static WholeFile.Content latents(List<Image> images) {
        return out -> {
            try (TensorScope scope = TensorScope.open()) {
                TensorVector all = new TensorVector(
                        images.stream().map(Image::latentTensor).toArray(Tensor[]::new));
                WeightSource latents = WeightSources.of(Map.of("latents", torch.cat(all, 0)));
                SafetensorsWriter.content(latents, Map.of()).writeTo(out);
            }
        };
    }

    /** Whether {@code file} is a PNG that carries a recipe, so that it was this program that wrote it. */
    public static boolean wrote(Path file) {
        try {
            return Png.isPng(file) && Png.readText(file).isPresent();
        } catch (IOException e) {
            return false; // whatever it is, it is not ours
        }
    }

    private Tensor latentTensor() {
        return Tensor.create(latents, latentShape);
    }
}
