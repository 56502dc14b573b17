package org.deltasampling.bridge;

import java.util.Arrays;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;

/** Between images and a model's latents in its scaled units. */
public interface Autoencoder {

    /** The latents of {@code image}: the mean of the encoder's distribution. */
    Latent encode(ImageTensor image);

    /** The image of {@code latents}. */
    ImageTensor decode(Latent latents);

    /**
     * Whether {@code other} makes the same latents of an image, but for a hundredth of their variance: a retrained decoder
     * or other weights for the same function are no difference.
     *
     * @param size of an image that both can encode
     */
    default boolean agreesWith(Autoencoder other, PixelSize size) {
        try (TensorScope scope = TensorScope.open()) {
            ImageTensor field = ColourField.draw(new SeededNoise(0), size);
            Latent own = encode(field);
            Latent others = other.encode(field);
            return Arrays.equals(own.shape(), others.shape())
                    && own.minus(others).norm() < 0.1 * own.norm();
        }
    }
}
