package org.deltasampling.sampling;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Carried;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.tensor.TensorValue;

/**
 * Where a sampler is and what else it carries from step to step: the state that is folded over a plan, in the one sampling
 * loop.
 *
 * @param x the point
 * @param carried what the next steps need besides
 * @param replaced whether a hook has put the point in the place of where the last step ended
 */
record SamplerState<C extends Carried>(Latent x, C carried, boolean replaced) implements Carried {

    /** Where a step of the sampler's own ends. */
    SamplerState(Latent x, C carried) {
        this(x, carried, false);
    }

    /** One step of a sampler: the next state, from the state at step {@code i} and the denoised latent there. */
    interface Update<C extends Carried> {
        SamplerState<C> from(SamplerState<C> at, int i, Latent denoised);
    }

    /** A step that needs nothing but the point. */
    interface PointUpdate {
        Latent from(Latent x, int i, Latent denoised);
    }

    /**
     * Where {@code update} leads from {@code start} along {@code plan}, with {@code hook} after each step; {@code carried} is
     * what the first step finds.
     */
    static <C extends Carried> Latent follow(
            List<Step> plan, Latent start, C carried, Denoiser denoiser, StepHook hook, Update<C> update) {
        List<Integer> indices = IntStream.range(0, plan.size()).boxed().toList();
        return TensorScope.scoped(() -> TensorScope.fold(new SamplerState<>(start, carried), indices, (at, i) -> {
                    Latent denoised = denoiser.denoise(at.x, plan.get(i).from());
                    SamplerState<C> next = update.from(at, i, denoised);
                    Latent x = hook.after(new StepHook.Done(i, plan, denoised, next.x));
                    return x == next.x ? next : new SamplerState<>(x, next.carried, true);
                })
                .x);
    }

    /** The same for samplers that carry nothing. */
    static Latent follow(List<Step> plan, Latent start, Denoiser denoiser, StepHook hook, PointUpdate update) {
        return follow(
                plan,
                start,
                History.NONE,
                denoiser,
                hook,
                (at, i, denoised) -> new SamplerState<>(update.from(at.x, i, denoised), History.NONE));
    }

    @Override
    public List<TensorValue> tensors() {
        List<TensorValue> all = new ArrayList<>(carried.tensors());
        all.add(x);
        return all;
    }
}
