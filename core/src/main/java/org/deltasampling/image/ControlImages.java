package org.deltasampling.image;

import java.nio.file.Path;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.recipe.Recipe.Control;
import org.deltasampling.tensor.PixelSize;

/** The images that ControlNets and T2I-Adapters read. */
public final class ControlImages {

    private ControlImages() {}

    /**
     * What is made of the image in {@code file}, (1, 3, height, width) in [0, 1]; owned by the caller's region.
     *
     * @param size of the images that are made, to which it is resized first
     * @throws org.deltasampling.file.BadFileException if there is no image that can be decoded
     */
    public static Tensor read(Path file, Control.From from, PixelSize size) {
        Tensor resized = ImageFile.tensor(ImageFile.read(file)).resized(size).tensor();
        return resized.add(new Scalar(1)).mul(new Scalar(0.5));
    }
}
