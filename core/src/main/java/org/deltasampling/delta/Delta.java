package org.deltasampling.delta;

import org.deltasampling.diffusion.Denoiser;

/**
 * One delta to take over: adapted minus source. Both are guided or both are not; the difference of guided denoised latents
 * is the default, that of conditional ones costs half (docs/method.md 3, GUIDED and COND).
 *
 * @param source the model without the adapter; deltas that share it are cheaper together
 * @param adapted the same model with it
 * @param policy what of it is added, on one trajectory
 */
public record Delta(Source source, Denoiser adapted, DeltaPolicy policy) {

    /** The same strength everywhere, and nothing at levels that the source does not know. */
    public Delta(Source source, Denoiser adapted, double lambda) {
        this(source, adapted, DeltaPolicy.SKIP.times(lambda));
    }
}
