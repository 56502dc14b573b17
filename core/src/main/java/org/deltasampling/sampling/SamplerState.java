package org.deltasampling.sampling;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Carried;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;

/**
 * Where a sampler is and what it remembers: the state that is folded over a plan.
 *
 * @param x the point
 * @param past guesses of the steps before, newest first
 */
record SamplerState(Latent x, List<Latent> past) implements Carried {

    /** A sampler's step: the next state, from the state at step {@code i} of the plan and the clean latent guessed there. */
    interface Move {
        SamplerState from(SamplerState at, int i, Latent clean);
    }

    /** Where {@code move} leads from {@code start} along {@code plan}; {@code listener} is told each guess. */
    static Latent follow(List<Step> plan, Latent start, Denoiser denoiser, StepListener listener, Move move) {
        return TensorScope.scoped(() -> TensorScope.fold(new SamplerState(start, List.of()), indices(plan), (at, i) -> {
                    NoiseLevel level = plan.get(i).from();
                    Latent clean = denoiser.denoise(at.x, level);
                    listener.stepped(i, plan.size(), level, clean);
                    return move.from(at, i, clean);
                })
                .x);
    }

    /** The number of each step, from 0. */
    static List<Integer> indices(List<Step> plan) {
        return IntStream.range(0, plan.size()).boxed().toList();
    }

    /** The next state, which remembers {@code guesses}, newest first, but not more than {@code most}. */
    static SamplerState of(Latent x, List<Latent> guesses, int most) {
        return new SamplerState(x, guesses.subList(0, Math.min(most, guesses.size())));
    }

    /** {@code guess} and the past, newest first. */
    List<Latent> with(Latent guess) {
        List<Latent> all = new ArrayList<>(past.size() + 1);
        all.add(guess);
        all.addAll(past);
        return all;
    }

    @Override
    public List<Latent> carried() {
        return with(x);
    }
}
