package org.deltasampling.sampling;

import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.tensor.Latent;

/** Watches a sampler: progress bars, previews, traces. */
@FunctionalInterface
public interface StepListener {

    /** Watches nothing. */
    StepListener NONE = (index, count, level, clean) -> {};

    /**
     * The guess of a step has been made.
     *
     * @param index of the step, from 0
     * @param count of all steps
     * @param level that the step starts from
     * @param clean the denoiser's guess there, valid until this returns
     */
    void stepped(int index, int count, NoiseLevel level, Latent clean);
}
