package org.deltasampling.delta;

import java.util.Optional;
import org.deltasampling.tensor.Memory;

/**
 * The fresh delta at the levels that the source knows, and the last one again at others; before there is one, that at the
 * nearest level.
 */
public final class HoldPolicy implements DeltaPolicy {

    private final Memory last = new Memory();

    @Override
    public Optional<Weighted> added(Evaluation at) {
        if (at.known() || last.recall().isEmpty()) {
            last.keep(at.fresh().get());
        }
        return last.recall().map(delta -> new Weighted(1, delta));
    }

    @Override
    public void close() {
        last.close();
    }
}
