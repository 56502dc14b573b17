package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * DDIM without noise that holds the denoised latent to [-range, range] but steps with the noise of the unclipped one:
 * diffusers' {@code clip_sample}, for which its schedulers' configs have to say no.
 */
record ClippedDdim(double range) implements Sampler {

    @Override
    public Latent sample(Denoiser denoiser, Latent start, List<Step> plan, NoiseSource noise, StepHook hook) {
        return SamplerState.follow(plan, start, denoiser, hook, (x, i, denoised) -> {
            Step step = plan.get(i);
            Latent remaining = step.from().noise(x, denoised);
            return step.to().point(denoised.clamped(range), remaining);
        });
    }
}
