package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * What happens after each step of a trajectory: the latent may be replaced (inpainting, correctors, resampling), listeners
 * are told, and whoever wants to cancel throws, which ends the trajectory and releases all that it holds.
 */
@FunctionalInterface
public interface StepHook {

    /**
     * The latent to go on with: {@code done.x()} itself, or another one of its shape and level, made in the current region.
     */
    Latent after(Done done);

    /** This hook, then {@code next} on the latent that it leaves. */
    default StepHook then(StepHook next) {
        return done -> next.after(new Done(done.index(), done.plan(), done.denoised(), after(done)));
    }

    /**
     * A step that was just taken; its latents are valid until the hook returns.
     *
     * @param index of the step, from 0
     * @param plan all steps
     * @param denoised the denoised latent at the level where the step began
     * @param x the point where it ended
     */
    record Done(int index, List<Step> plan, Latent denoised, Latent x) {

        /** The level where the step began. */
        public NoiseLevel from() {
            return plan.get(index).from();
        }

        /** The level where it ended. */
        public NoiseLevel to() {
            return plan.get(index).to();
        }
    }
}
