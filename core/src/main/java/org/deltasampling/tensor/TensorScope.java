package org.deltasampling.tensor;

import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A lexical region that owns every native object made in it on this thread and frees them on exit.
 *
 * <p>Three verbs are all there is: {@link #open()} for a region of inference, {@link #scoped} for a body whose result
 * outlives its temporaries, {@link #fold} for a loop in constant memory. A scope never crosses threads.
 */
public final class TensorScope implements AutoCloseable {

    private final PointerScope scope = new PointerScope();
    private final @Nullable NoGradGuard noGrad;

    private TensorScope(boolean gradients) {
        noGrad = gradients ? null : new NoGradGuard(); // attached to the scope: ends with it
    }

    /** Opens a region of inference: no gradients are recorded, everything made inside is freed on close. */
    public static TensorScope open() {
        return new TensorScope(false);
    }

    /** Opens a region that records gradients, for training. */
    public static TensorScope recording() {
        return new TensorScope(true);
    }

    /**
     * Runs {@code body} in a region of its own; the result moves to the caller's region, the temporaries die. Gradients are
     * recorded if the caller records them: what a backward pass needs, libtorch keeps by itself.
     */
    public static Tensor scopedTensor(Supplier<Tensor> body) {
        PointerScope outer = PointerScope.getInnerScope();
        Tensor result;
        try (TensorScope scope = recording()) {
            result = body.get();
            Held.refuseView(result);
            result.retainReference();
        }
        if (outer != null) {
            outer.attach(result);
            result.releaseReference();
        }
        return result;
    }

    /** Runs {@code body} in a region of its own; the result moves to the caller's region, the temporaries die. */
    public static Latent scoped(Supplier<Latent> body) {
        return new Latent(scopedTensor(() -> body.get().tensor()));
    }

    /**
     * Folds {@code steps} over {@code start}: one region a step, the predecessor released, so that memory stays constant.
     * The caller keeps {@code start}.
     */
    public static <S> Latent fold(Latent start, List<S> steps, BiFunction<Latent, S, Latent> next) {
        Latent x = start;
        for (S step : steps) {
            Latent before = x;
            x = scoped(() -> next.apply(before, step));
            if (before != start && before.tensor().address() != x.tensor().address()) {
                before.release();
            }
        }
        return x;
    }

    /** Number of live native objects on this process, for leak tests. */
    public static long liveObjects() {
        return Pointer.totalCount();
    }

    @Override
    public void close() {
        if (noGrad != null) {
            noGrad.close();
        }
        scope.close();
    }
}
