package org.deltasampling.delta;

import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.tensor.Latent;

/** Watches what deltas do, for traces. */
@FunctionalInterface
public interface DeltaListener {

    /** Watches nothing. */
    DeltaListener NONE = (n, lambda, difference, clean) -> {};

    /**
     * A delta is about to be added.
     *
     * @param n the target's level
     * @param lambda the strength there
     * @param difference adapted minus source, in the target's latents, valid until this returns
     * @param clean the target's own guess, valid until this returns
     */
    void applied(NoiseLevel n, double lambda, Latent difference, Latent clean);
}
