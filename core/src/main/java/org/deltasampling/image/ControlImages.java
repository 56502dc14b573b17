package org.deltasampling.image;

import java.nio.file.Path;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.recipe.Recipe.Control;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Resampling;

/** The images that ControlNets and T2I-Adapters read. */
public final class ControlImages {

    /** A blurred image's standard deviation is this part of its shorter side. */
    private static final double BLUR_OF_SIDE = 64;

    private ControlImages() {}

    /**
     * What is made of the image in {@code file}, (1, 3, height, width) in [0, 1]; owned by the caller's region.
     *
     * @param size of the images that are made, to which it is resized first, as diffusers does (Lanczos)
     * @throws org.deltasampling.file.BadFileException if there is no image that can be decoded
     */
    public static Tensor read(Path file, Control.From from, PixelSize size) {
        ImageTensor resized =
                Resampling.resized(ImageFile.tensor(ImageFile.read(file)), size, Resampling.Filter.LANCZOS);
        Tensor image = resized.tensor().add(new Scalar(1)).mul(new Scalar(0.5));
        return switch (from) {
            case IMAGE -> image;
            case GREY -> GreyLevels.of(image).tensor();
            case BLUR -> GaussianBlur.of(image, Math.min(size.width(), size.height()) / BLUR_OF_SIDE);
            case CANNY -> CannyEdges.of(GreyLevels.of(image)).tensor();
        };
    }
}
