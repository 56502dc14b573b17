package org.deltasampling.bridge;

import java.util.Arrays;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.LatentSize;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;

/** Between images, (batch, 3, height, width), about -1 to 1, and a model's latents in its scaled units. */
public interface Autoencoder {

    /** The latents of {@code image}: the mean of the encoder's distribution. */
    Latent encode(Latent image);

    /** The image of {@code latents}. */
    Latent decode(Latent latents);

    /**
     * Whether {@code other} makes the same latents of an image, but for a hundredth of their variance: a retrained decoder
     * or other weights for the same function are no difference.
     *
     * @param size of an image in pixels, which both can encode
     */
    default boolean agreesWith(Autoencoder other, LatentSize size) {
        try (TensorScope scope = TensorScope.open()) {
            Latent field = ColourField.draw(new SeededNoise(0), size);
            Latent own = encode(field);
            Latent others = other.encode(field);
            return Arrays.equals(own.shape(), others.shape())
                    && own.minus(others).norm() < 0.1 * own.norm();
        }
    }
}
