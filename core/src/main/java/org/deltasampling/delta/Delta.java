package org.deltasampling.delta;

import org.deltasampling.diffusion.Denoiser;

/**
 * One difference to take over: adapted minus source. Both are guided or both are not; the difference of guided guesses is
 * the default, that of conditional ones costs half (science.md 3, GUIDED and COND).
 *
 * @param source the model without the adapter; deltas that share it are cheaper together
 * @param adapted the same model with it
 * @param strength lambda
 * @param outside what to do at levels that the source does not know
 */
public record Delta(Source source, Denoiser adapted, Strength strength, LevelPolicy outside) {

    /** Nothing is taken over at levels that the source does not know. */
    public Delta(Source source, Denoiser adapted, Strength strength) {
        this(source, adapted, strength, LevelPolicy.SKIP);
    }
}
