package org.deltasampling.sampling;

import java.util.ArrayList;
import java.util.List;
import org.deltasampling.tensor.Carried;
import org.deltasampling.tensor.Latent;

/** Predictions of earlier steps, newest first. */
record History(List<Latent> latents) implements Carried {

    /** No step was taken yet, or none is needed. */
    static final History NONE = new History(List.of());

    @Override
    public List<Latent> tensors() {
        return latents;
    }

    /** {@code newest} before these. */
    History with(Latent newest) {
        List<Latent> all = new ArrayList<>(latents.size() + 1);
        all.add(newest);
        all.addAll(latents);
        return new History(all);
    }

    /** The newest, but not more than {@code most}. */
    History newest(int most) {
        return new History(latents.subList(0, Math.min(most, latents.size())));
    }
}
