package org.deltasampling.bridge;

import org.deltasampling.delta.LatentBridge;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.LatentSize;

/** {@link LatentBridges#roundTrip}. */
record RoundTripBridge(
        Autoencoder target,
        LatentSize targetPicture,
        Autoencoder source,
        LatentSize sourcePicture,
        LatentBridge ofNoise)
        implements LatentBridge {

    @Override
    public Latent toSource(Latent clean) {
        return source.encode(sized(target.decode(clean), sourcePicture));
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

    private Latent toTarget(Latent clean) {
        return target.encode(sized(source.decode(clean), targetPicture));
    }

    private Latent sized(Latent picture, LatentSize size) {
        return targetPicture.equals(sourcePicture) ? picture : picture.resized(size.height(), size.width());
    }
}
