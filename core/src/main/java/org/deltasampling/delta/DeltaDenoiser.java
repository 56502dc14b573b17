package org.deltasampling.delta;

import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.deltasampling.delta.DeltaPolicy.Evaluation;
import org.deltasampling.delta.DeltaPolicy.Weighted;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * Delta Sampling: the target's denoised latent plus what adapters change in models of their own,
 *
 * <pre>  D'(x) = D_target(x) + sum of lambda * bridge(D_adapted(y) - D_source(y))</pre>
 *
 * where nothing is lost between parameterizations (docs/method.md 0 and 9; arXiv 2512.03056). Where every lambda is 0 this is
 * the target alone, bit for bit, and costs no more.
 *
 * @param target the model that makes the image
 * @param plan the steps of the one trajectory that this is for
 * @param deltas what it takes over, with their policies, which close with this; a source that several share is evaluated
 *     once
 */
public record DeltaDenoiser(Denoiser target, List<Step> plan, List<Delta> deltas) implements Denoiser, AutoCloseable {

    public DeltaDenoiser {
        plan = List.copyOf(plan);
        deltas = List.copyOf(deltas);
    }

    /** For policies that do not ask which step it is. */
    public DeltaDenoiser(Denoiser target, Delta... deltas) {
        this(target, List.of(), List.of(deltas));
    }

    @Override
    public Latent denoise(Latent x, NoiseLevel n) {
        Latent denoised = target.denoise(x, n);
        IdentityHashMap<Source, Source.View> views = new IdentityHashMap<>();
        Latent result = denoised;
        for (Delta delta : deltas) {
            Source source = delta.source();
            Supplier<Latent> fresh = () ->
                    views.computeIfAbsent(source, s -> s.view(x, denoised, n)).delta(delta.adapted());
            Optional<Weighted> added = delta.policy().added(new Evaluation(plan, n, denoised, source.knows(n), fresh));
            if (added.isPresent()) {
                result = result.plus(added.get().lambda(), added.get().delta());
            }
        }
        return result;
    }

    @Override
    public void close() {
        deltas.forEach(delta -> delta.policy().close());
    }
}
