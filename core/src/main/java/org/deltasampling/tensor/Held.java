package org.deltasampling.tensor;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/** A tensor kept beyond every scope until {@link #close()}: the one way to own native memory for longer than a region. */
public final class Held implements AutoCloseable {

    private final Tensor tensor;

    private Held(Tensor tensor) {
        this.tensor = tensor;
    }

    /**
     * Keeps {@code tensor}: a handle of its own on the same storage, attached to no scope.
     *
     * @throws IllegalArgumentException if it is a view into a native container, which would dangle
     */
    public static Held of(Tensor tensor) {
        refuseView(tensor);
        Tensor own = new Tensor(tensor);
        own.retainReference();
        PointerScope inner = PointerScope.getInnerScope();
        if (inner != null) {
            inner.detach(own);
        }
        return new Held(own);
    }

    /** The tensor; borrowed, valid until this is closed. */
    public Tensor tensor() {
        return tensor;
    }

    @Override
    public void close() {
        tensor.close();
    }

    /** Elements of native containers have no owner ({@code referenceCount() == -1}) and must be copied before they are kept. */
    static void refuseView(Tensor tensor) {
        if (tensor.referenceCount() < 0) {
            throw new IllegalArgumentException(
                    "a view into a native container cannot be kept: narrow or clone it first");
        }
    }
}
