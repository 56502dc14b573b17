package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * Straight towards the denoised latent D, {@code x' = alpha' D + sigma' (x - alpha D) / sigma}. In these coordinates this
 * one formula is Euler's method in kappa and in flow time, DDIM without noise, and first-order DPM-Solver++ (docs/method.md
 * 1.6).
 */
record Euler() implements Sampler {

    @Override
    public Latent sample(Denoiser denoiser, Latent start, List<Step> plan, NoiseSource noise, StepHook hook) {
        return SamplerState.follow(
                plan, start, denoiser, hook, (x, i, denoised) -> plan.get(i).stepByDenoised(x, denoised));
    }
}
