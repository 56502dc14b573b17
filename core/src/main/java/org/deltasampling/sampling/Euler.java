package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * Straight towards the guess, {@code x' = alpha' D + sigma' (x - alpha D) / sigma}. In these coordinates this one formula is
 * Euler's method in kappa and in flow time, DDIM without noise, and first-order DPM-Solver++ (science.md 1.6).
 */
record Euler() implements Sampler {

    @Override
    public Latent sample(Denoiser denoiser, Latent x, List<Step> plan, NoiseSource noise, StepListener listener) {
        return SamplerState.follow(
                plan,
                x,
                denoiser,
                listener,
                (at, i, clean) -> new SamplerState(plan.get(i).stepByDenoised(at.x(), clean), List.of()));
    }
}
