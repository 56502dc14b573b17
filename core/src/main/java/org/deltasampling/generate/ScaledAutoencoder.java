package org.deltasampling.generate;

import org.deltasampling.delta.Autoencoder;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;

/** An autoencoder in the units of its model. */
public record ScaledAutoencoder(AutoencoderKl network) implements Autoencoder {

    @Override
    public Latent encode(Latent picture) {
        return TensorScope.scoped(() ->
                space().rescale(new Latent(network.encode(picture.tensor()).mean())));
    }

    @Override
    public Latent decode(Latent latents) {
        return TensorScope.scoped(
                () -> new Latent(network.decode(space().unscale(latents).tensor())));
    }

    private LatentSpace space() {
        return network.latentSpace();
    }
}
