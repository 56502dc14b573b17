package org.deltasampling.weights;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;

/**
 * The owner of a model's weights: each tensor is loaded once, when first asked for, in the precision to compute in, and
 * lives until {@link #close()}. A tensor that already has the precision is not copied but shares the storage of its source,
 * so the resident weights of an adapted model over those of its base hold only what the adapter changed.
 */
public final class ResidentWeights implements WeightView, AutoCloseable {

    private final WeightSource source;
    private final Map<String, Held> held = new LinkedHashMap<>();
    private boolean closed;

    /** Weights of {@code source} as they are; it must stay open while tensors are asked for the first time. */
    public ResidentWeights(WeightSource source) {
        this.source = source;
    }

    /** Weights of {@code source} in {@code precision}; it must stay open while tensors are asked for the first time. */
    public ResidentWeights(WeightSource source, Precision precision) {
        this(WeightSources.in(source, precision));
    }

    @Override
    public WeightSource source() {
        return source;
    }

    /**
     * The tensor; borrowed, valid until this is closed.
     *
     * @throws BadWeightsException also if it holds NaN or infinity, naming its file and what that calls it
     */
    @Override
    public synchronized Tensor load(String name) {
        if (closed) {
            throw new IllegalStateException("these weights are closed");
        }
        Held known = held.get(name);
        if (known == null) {
            try (TensorScope scope = TensorScope.open()) {
                Tensor loaded = source.load(name);
                if (!source.keeps(name)) { // else whoever keeps it has looked
                    FiniteNumbers.require(loaded, source.origin(), source.nameInFile(name));
                }
                known = Held.of(loaded);
            }
            held.put(name, known);
        }
        return known.tensor();
    }

    @Override
    public boolean keeps(String name) {
        return true;
    }

    /** What all of it takes in memory, without what a source below keeps anyway; from the shapes, nothing is loaded. */
    public long bytes() {
        return names().stream()
                .filter(name -> !source.keeps(name))
                .mapToLong(name ->
                        info(name).count() * FileType.of(info(name).type()).bytes())
                .sum();
    }

    /** Releases all tensors; what was borrowed dangles. They are loaded again when they are asked for again. */
    public synchronized void release() {
        held.values().forEach(Held::close);
        held.clear();
    }

    @Override
    public synchronized void close() {
        release();
        closed = true;
    }
}
