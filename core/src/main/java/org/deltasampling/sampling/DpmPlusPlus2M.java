package org.deltasampling.sampling;

import java.util.List;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * DPM-Solver++(2M), midpoint (Lu et al. 2022): towards the denoised latent extrapolated along the line through the one
 * before, {@code D + (D - D_before) / 2r} with r the ratio of the last step's length in log-SNR to this one's. The first
 * step and the one to no noise are first order.
 *
 * @param lowerOrderFinal whether the last of fewer than 15 steps is first order too, as in diffusers
 */
record DpmPlusPlus2M(boolean lowerOrderFinal) implements Sampler {

    @Override
    public Latent sample(Denoiser denoiser, Latent start, List<Step> plan, NoiseSource noise, StepHook hook) {
        return SamplerState.follow(plan, start, History.NONE, denoiser, hook, (at, i, denoised) -> {
            Step step = plan.get(i);
            boolean lower = lowerOrderFinal && plan.size() < 15 && i == plan.size() - 1;
            boolean firstOrder = i == 0 || step.to().sigma() == 0 || lower;
            Latent extrapolated = firstOrder
                    ? denoised
                    : denoised.plus(
                            step.length() / (2 * plan.get(i - 1).length()),
                            denoised.minus(at.carried().latents().get(0)));
            return new SamplerState<>(step.stepByDenoised(at.x(), extrapolated), new History(List.of(denoised)));
        });
    }
}
