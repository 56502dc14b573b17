package org.deltasampling.bridge;

import org.deltasampling.delta.LatentBridge;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.PixelSize;

/** {@link LatentBridges#roundTrip}. */
record RoundTripBridge(
        Autoencoder target, PixelSize targetImage, Autoencoder source, PixelSize sourceImage, LatentBridge ofNoise)
        implements LatentBridge {

    @Override
    public Latent toSource(Latent denoised) {
        return source.encode(target.decode(denoised).resized(sourceImage));
    }

    @Override
    public Latent noise(Latent noise) {
        return ofNoise.noise(noise);
    }

    @Override
    public double gain() {
        return ofNoise.gain();
    }

    @Override
    public Latent back(Latent adapted, Latent base) {
        return toTarget(adapted).minus(toTarget(base));
    }

    private Latent toTarget(Latent denoised) {
        return target.encode(source.decode(denoised).resized(targetImage));
    }
}
