package org.deltasampling.delta;

import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.tensor.Latent;

/** Watches what a {@link TracedPolicy} adds, for traces. */
@FunctionalInterface
public interface DeltaListener {

    /**
     * A delta is about to be added.
     *
     * @param level the target's
     * @param lambda the effective strength there
     * @param delta adapted minus source, in the target's latents, valid until this returns
     * @param denoised the target's own denoised latent, valid until this returns
     */
    void added(NoiseLevel level, double lambda, Latent delta, Latent denoised);
}
