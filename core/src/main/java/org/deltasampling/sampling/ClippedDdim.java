package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * DDIM without noise that holds the guess to [-limit, limit] but steps with the noise of the guess as it was: diffusers'
 * {@code clip_sample}, for which its schedulers' configs have to say no.
 */
record ClippedDdim(double limit) implements Sampler {

    @Override
    public Latent sample(Denoiser denoiser, Latent x, List<Step> plan, NoiseSource noise, StepListener listener) {
        return SamplerState.follow(plan, x, denoiser, listener, (at, i, clean) -> {
            Step step = plan.get(i);
            Latent remaining = step.from().noise(at.x(), clean);
            return new SamplerState(step.to().point(clean.clamped(limit), remaining), List.of());
        });
    }
}
