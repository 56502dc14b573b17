package org.deltasampling.bridge;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.model.ModelPart;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;

/**
 * What tells whether two autoencoders make the same latents.
 *
 * @param space of its latents
 * @param filter the first convolution of its encoder, by which autoencoders of equal spaces are told apart
 */
public record AutoencoderId(LatentSpace space, float[] filter) {

    public AutoencoderId {
        filter = filter.clone();
    }

    private static final String FILTER = "encoder.conv_in.weight";

    /** Of a model on disk. */
    public static AutoencoderId of(ModelPart<AutoencoderKl.Config> autoencoder) {
        try (TensorScope scope = TensorScope.open()) {
            return of(autoencoder.config().latentSpace(), autoencoder.weights().load(FILTER));
        }
    }

    static AutoencoderId of(LatentSpace space, Tensor filter) {
        return new AutoencoderId(space, new Latent(filter).values());
    }

    /** As a copy. */
    @Override
    public float[] filter() {
        return filter.clone();
    }

    /** Whether both are the same encoder, but for the precision of its weights; a retrained decoder is no difference. */
    public boolean isSame(AutoencoderId other) {
        if (!space.equals(other.space) || filter.length != other.filter.length) {
            return false;
        }
        double difference = 0;
        double whole = 0;
        for (int i = 0; i < filter.length; i++) {
            difference += Math.pow(filter[i] - (double) other.filter[i], 2);
            whole += Math.pow(filter[i], 2);
        }
        return difference <= 1e-4 * whole;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof AutoencoderId encoding
                && space.equals(encoding.space)
                && Arrays.equals(filter, encoding.filter);
    }

    @Override
    public int hashCode() {
        return 31 * space.hashCode() + Arrays.hashCode(filter);
    }
}
