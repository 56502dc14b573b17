package org.deltasampling.weights;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;

/**
 * The owner of a model's weights: each tensor is loaded once, when first asked for, in the precision to compute in, and
 * lives until {@link #close()}. A tensor that already has the precision is not copied but shares the storage of its source,
 * so the resident weights of an adapted model over those of its base hold only what the adapter changed.
 */
public final class ResidentWeights implements WeightSource, AutoCloseable {

    private final WeightSource source;
    private final Precision precision;
    private final Map<String, Held> held = new LinkedHashMap<>();
    private boolean closed;

    /** Weights of {@code source}, which must stay open while tensors are asked for the first time. */
    public ResidentWeights(WeightSource source, Precision precision) {
        this.source = source;
        this.precision = precision;
    }

    @Override
    public Set<String> names() {
        return source.names();
    }

    @Override
    public TensorInfo info(String name) {
        TensorInfo info = source.info(name);
        return new TensorInfo(resident(info.type()), info.shape());
    }

    /** The tensor; borrowed, valid until this is closed. */
    @Override
    public synchronized Tensor load(String name) {
        if (closed) {
            throw new IllegalStateException("these weights are closed");
        }
        Held known = held.get(name);
        if (known == null) {
            try (TensorScope scope = TensorScope.open()) {
                known = Held.of(source.load(name).to(resident(source.info(name).type())));
            }
            held.put(name, known);
        }
        return known.tensor();
    }

    /** Whole numbers, such as indices, stay what they are. */
    private torch.ScalarType resident(torch.ScalarType type) {
        return switch (type) {
            case Double, Float, Half, BFloat16, Float8_e4m3fn, Float8_e5m2 -> precision.type();
            default -> type;
        };
    }

    @Override
    public synchronized void close() {
        closed = true;
        held.values().forEach(Held::close);
        held.clear();
    }
}
