package org.deltasampling.tensor;

import java.util.ArrayDeque;
import java.util.Deque;

/** Files, weights and tensors that are released together, the last one first, since it may stand on those before it. */
public final class CloseTogether implements AutoCloseable {

    private final Deque<AutoCloseable> all = new ArrayDeque<>();

    /** {@code one}, which is released with the others from now on. */
    public <T extends AutoCloseable> T keep(T one) {
        all.push(one);
        return one;
    }

    /** Releases them; a second time does nothing. */
    @Override
    public void close() {
        while (!all.isEmpty()) {
            try {
                all.pop().close();
            } catch (Exception e) {
                throw new IllegalStateException("cannot release what is not used any more", e);
            }
        }
    }
}
