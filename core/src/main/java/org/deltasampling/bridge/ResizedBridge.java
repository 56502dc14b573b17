package org.deltasampling.bridge;

import org.deltasampling.delta.LatentBridge;
import org.deltasampling.tensor.FixedNoise;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.LatentSize;

/**
 * {@link LatentBridges#resized}: mean values are less noisy than what they are of, so the source's level is lower by the ratio
 * of the sides where its latents are smaller (the same as the shift by resolution of Esser et al. 2024, equation 23).
 */
record ResizedBridge(LatentBridge bridge, LatentSize target, LatentSize source, FixedNoise fixed)
        implements LatentBridge {

    @Override
    public Latent toSource(Latent denoised) {
        return bridge.toSource(denoised).resized(source);
    }

    @Override
    public Latent noise(Latent noise) {
        return bridge.noise(noise).resizedNoise(source, fixed.other()::draw); // the bridge may have drawn the other
    }

    @Override
    public double gain() {
        double ratio = (double) (source.height() * source.width()) / (target.height() * target.width());
        return bridge.gain() * Math.sqrt(ratio);
    }

    @Override
    public Latent back(Latent adapted, Latent base) {
        return bridge.back(adapted, base).resized(target);
    }
}
