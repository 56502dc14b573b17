package org.deltasampling.delta;

import java.util.Optional;
import java.util.function.Supplier;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.Memory;

/**
 * What becomes of a difference at noise levels that the source does not know, as a flow's first and last ones (science.md
 * 1.4).
 */
@FunctionalInterface
public interface LevelPolicy {

    /** No difference there: the better one for styles. */
    LevelPolicy SKIP = (known, fresh) -> known ? Optional.of(fresh.get()) : Optional.empty();

    /** The source is asked at the nearest level it knows, under as much noise: the better one for structure. */
    LevelPolicy CLAMP = (known, fresh) -> Optional.of(fresh.get());

    /**
     * The last difference again; before there is one, that at the nearest level.
     *
     * @param memory of one delta on one trajectory
     */
    static LevelPolicy hold(Memory memory) {
        return (known, fresh) -> {
            if (known || memory.recall().isEmpty()) {
                Latent difference = fresh.get();
                memory.keep(difference);
                return Optional.of(difference);
            }
            return memory.recall();
        };
    }

    /**
     * The difference to take over, if any.
     *
     * @param known whether the source knows the level
     * @param fresh asks it, at the nearest level it knows
     */
    Optional<Latent> difference(boolean known, Supplier<Latent> fresh);
}
