package org.deltasampling.tensor;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Remembers one latent from region to region, until it is closed. */
public final class Memory implements AutoCloseable {

    private @Nullable Held held;

    /** Remembers {@code latent} and forgets the one before. */
    public void keep(Latent latent) {
        Held before = held;
        held = Held.of(latent.tensor());
        if (before != null) {
            before.close();
        }
    }

    /** What was kept last; valid until the next is kept. */
    public Optional<Latent> recall() {
        return Optional.ofNullable(held).map(kept -> new Latent(kept.tensor()));
    }

    @Override
    public void close() {
        if (held != null) {
            held.close();
        }
        held = null;
    }
}
