package org.deltasampling.sampling;

import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.tensor.Latent;

/** A {@link StepHook} that changes nothing: progress bars, previews, traces. */
@FunctionalInterface
public interface StepListener extends StepHook {

    /** Watches nothing. */
    StepListener NONE = (index, count, level, denoised) -> {};

    /**
     * A step has been taken.
     *
     * @param index of the step, from 0
     * @param count of all steps
     * @param level where the step began
     * @param denoised the denoised latent there, valid until this returns
     */
    void stepped(int index, int count, NoiseLevel level, Latent denoised);

    @Override
    @SuppressWarnings(
            "FunctionalInterfaceMethodChanged") // no lambda can be taken for the other: they differ in arguments
    default Latent after(Done done) {
        stepped(done.index(), done.plan().size(), done.from(), done.denoised());
        return done.x();
    }
}
