package org.deltasampling.bridge;

import org.deltasampling.bridge.ChannelMap.Polar;
import org.deltasampling.delta.LatentBridge;
import org.deltasampling.tensor.FixedNoise;
import org.deltasampling.tensor.Latent;

/** {@link LatentBridges#linear}. */
record LinearBridge(ChannelMap there, ChannelMap back, Polar polar, FixedNoise rest) implements LatentBridge {

    @Override
    public Latent toSource(Latent denoised) {
        return there.apply(denoised);
    }

    @Override
    public Latent noise(Latent noise) {
        Latent rotated = polar.rotation().apply(noise);
        return polar.white() ? rotated : rotated.plus(polar.rest().apply(rest.draw(rotated.shape())));
    }

    @Override
    public double gain() {
        return polar.gain();
    }

    @Override
    public Latent back(Latent adapted, Latent source) {
        return back.applyToDifference(adapted.minus(source));
    }
}
