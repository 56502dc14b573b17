package org.deltasampling.tensor;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
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

    static {
        NativeLibraries.load();
    }

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

    /**
     * Passes {@code start} through {@code layers}, each in a region of its own; what one layer made is released after the
     * next, so that memory does not grow with the depth. The caller keeps {@code start}. Gradients as in {@link
     * #scopedTensor}.
     */
    public static <L> Tensor through(Tensor start, List<L> layers, BiFunction<Tensor, L, Tensor> next) {
        Tensor state = start;
        boolean ours = false;
        for (L layer : layers) {
            Tensor before = state;
            state = scopedTensor(() -> next.apply(before, layer));
            if (ours) {
                before.close();
            }
            ours = true;
        }
        return state;
    }

    /** Runs {@code body} in a region of its own; the tensors it returns move to the caller's region, the temporaries die. */
    public static <S extends Carried> S scoped(Supplier<S> body) {
        PointerScope outer = PointerScope.getInnerScope();
        S result;
        Set<Tensor> kept;
        try (TensorScope scope = open()) {
            result = body.get();
            kept = tensors(result);
            kept.forEach(Held::refuseView);
            kept.forEach(Tensor::retainReference);
        }
        if (outer != null) {
            for (Tensor tensor : kept) {
                if (tensor.referenceCount() == 1) { // else it came from outside and has an owner already
                    outer.attach(tensor);
                }
                tensor.releaseReference();
            }
        }
        return result;
    }

    /**
     * Folds {@code steps} over {@code start}: one region a step, what the next state no longer holds is released, so that
     * memory stays constant. The caller keeps {@code start}.
     */
    public static <S extends Carried, T> S fold(S start, List<T> steps, BiFunction<S, T, S> next) {
        Set<Tensor> callers = tensors(start);
        S state = start;
        for (T step : steps) {
            S before = state;
            S after = scoped(() -> next.apply(before, step));
            Set<Tensor> alive = tensors(after);
            for (Tensor tensor : tensors(before)) {
                if (!alive.contains(tensor) && !callers.contains(tensor)) {
                    tensor.close();
                }
            }
            state = after;
        }
        return state;
    }

    private static Set<Tensor> tensors(Carried state) {
        Set<Tensor> all = Collections.newSetFromMap(new IdentityHashMap<>());
        state.tensors().forEach(value -> all.add(value.tensor()));
        return all;
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
