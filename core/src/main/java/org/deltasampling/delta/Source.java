package org.deltasampling.delta;

import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.LevelRange;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.tensor.Latent;

/**
 * The model that adapters were made for.
 *
 * @param base the model without an adapter
 * @param levels the noise levels that it knows, and its names for them
 * @param bridge between its latents and the target's
 */
public record Source(Denoiser base, LevelRange levels, LatentBridge bridge) {

    /** Whether it knows the level that the target's {@code n} is in its latents. */
    public boolean knows(NoiseLevel n) {
        return levels.covers(bridge.gain() * n.kappa());
    }

    /**
     * The target's point {@code x} as this model sees it, and what this model makes of it: the target's denoised latent in
     * this model's latents, under the target's noise, at this model's name for the level (the polar scheme of docs/method.md
     * 2.4).
     */
    View view(Latent x, Latent denoised, NoiseLevel n) {
        NoiseLevel m = levels.level(bridge.gain() * n.kappa());
        Latent y = m.point(bridge.toSource(denoised), bridge.noise(n.noise(x, denoised)));
        return new View(this, y, m, base.denoise(y, m));
    }

    /** A point {@code y} at {@code level} and what the base denoises it to. */
    record View(Source source, Latent y, NoiseLevel level, Latent denoised) {

        /** The delta of {@code adapted}, in the target's latents. */
        Latent delta(Denoiser adapted) {
            return source.bridge.back(adapted.denoise(y, level), denoised);
        }
    }
}
