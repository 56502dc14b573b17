package org.deltasampling.delta;

import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.tensor.Latent;

/**
 * Delta Sampling: the target's guess plus what adapters change in models of their own,
 *
 * <pre>  D'(x) = D_target(x) + sum of lambda * bridge(D_adapted(y) - D_source(y))</pre>
 *
 * in clean latents, where nothing is lost between parameterizations (science.md 0 and 9; arXiv 2512.03056). Where every
 * lambda is 0 this is the target alone, bit for bit, and costs no more.
 *
 * @param target the model that makes the image
 * @param deltas what it takes over; a source that several share is asked once
 * @param listener told of each difference
 */
public record DeltaDenoiser(Denoiser target, List<Delta> deltas, DeltaListener listener) implements Denoiser {

    public DeltaDenoiser {
        deltas = List.copyOf(deltas);
    }

    public DeltaDenoiser(Denoiser target, Delta... deltas) {
        this(target, List.of(deltas), DeltaListener.NONE);
    }

    @Override
    public Latent denoise(Latent x, NoiseLevel n) {
        Latent clean = target.denoise(x, n);
        Latent result = clean;
        IdentityHashMap<Source, Source.View> views = new IdentityHashMap<>();
        for (Delta delta : deltas) {
            double lambda = delta.strength().at(n);
            if (lambda != 0) {
                Source source = delta.source();
                Optional<Latent> difference = delta.outside()
                        .difference(
                                source.knows(n),
                                () -> views.computeIfAbsent(source, s -> s.view(x, clean, n))
                                        .difference(delta.adapted()));
                if (difference.isPresent()) {
                    listener.applied(n, lambda, difference.get(), clean);
                    result = result.plus(lambda, difference.get());
                }
            }
        }
        return result;
    }
}
