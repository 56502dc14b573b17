package org.deltasampling.bridge;

import org.deltasampling.model.LatentSpace;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;

/**
 * An autoencoder in the units of its model.
 *
 * @param device where its weights are
 */
public record ScaledAutoencoder(AutoencoderKl network, Device device) implements Autoencoder {

    /** One on the processor. */
    public ScaledAutoencoder(AutoencoderKl network) {
        this(network, Device.CPU);
    }

    @Override
    public Latent encode(ImageTensor image) {
        return TensorScope.scoped(() -> {
            Latent mean =
                    network.encode(new ImageTensor(device.to(image.tensor()))).mean();
            return space().rescale(new Latent(Device.CPU.to(mean.tensor())));
        });
    }

    @Override
    public ImageTensor decode(Latent latents) {
        return TensorScope.scoped(() -> {
            Latent unscaled = new Latent(device.to(space().unscale(latents).tensor()));
            return new ImageTensor(Device.CPU.to(network.decode(unscaled).tensor()));
        });
    }

    private LatentSpace space() {
        return network.latentSpace();
    }
}
