package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/** A sampler of denoised latents that are held to [-range, range]: diffusers' {@code clip_sample} of all but DDIM. */
record ClippedDenoised(Sampler sampler, double range) implements Sampler {

    @Override
    public Latent sample(Denoiser denoiser, Latent start, List<Step> plan, NoiseSource noise, StepHook hook) {
        return sampler.sample((x, n) -> denoiser.denoise(x, n).clamped(range), start, plan, noise, hook);
    }
}
