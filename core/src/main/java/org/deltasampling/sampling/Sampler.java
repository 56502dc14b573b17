package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/** From noise to a denoised latent: a pure function, the same denoiser, start, plan, noise and hook give the same latent. */
public interface Sampler {

    /**
     * Follows {@code plan} from {@code x}.
     *
     * @param x a point of the plan's first level, in the denoiser's coordinates
     * @param noise fresh noise, for samplers that add some
     * @param hook called after each step
     * @return a point of the plan's last level, owned by the caller's region
     */
    Latent sample(Denoiser denoiser, Latent x, List<Step> plan, NoiseSource noise, StepHook hook);
}
