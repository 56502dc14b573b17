package org.deltasampling.bridge;

import org.deltasampling.delta.LatentBridge;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.LatentSize;

/** {@link LatentBridges#roundTrip}. */
record RoundTripBridge(
        Autoencoder target, LatentSize targetImage, Autoencoder source, LatentSize sourceImage, LatentBridge ofNoise)
        implements LatentBridge {

    @Override
    public Latent toSource(Latent denoised) {
        return source.encode(sized(target.decode(denoised), sourceImage));
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
        return target.encode(sized(source.decode(denoised), targetImage));
    }

    private Latent sized(Latent image, LatentSize size) {
        return targetImage.equals(sourceImage) ? image : image.resized(size);
    }
}
