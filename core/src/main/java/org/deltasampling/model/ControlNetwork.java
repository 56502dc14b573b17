package org.deltasampling.model;

import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/** A network beside a backbone that an image steers it by. */
@FunctionalInterface
public interface ControlNetwork {

    /**
     * The control by {@code image}, in the caller's region; what does not depend on the step is computed here.
     *
     * @param image (1, 3, height, width) in [0, 1], of the size of the images that are made
     * @param space of the backbone's latents
     * @param encode the backbone's own autoencoder: images in [-1, 1] to latents in its own units
     */
    Control control(Tensor image, LatentSpace space, UnaryOperator<Tensor> encode);
}
