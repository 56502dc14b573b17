package org.deltasampling.adapter;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.weights.TensorInfo;
import org.deltasampling.weights.WeightSource;

/** A low-rank adapter (Hu et al. 2021), merged: W + weight * (alpha / rank) * B A for each weight that it touches. */
public final class LowRank implements Adapter {

    /**
     * The change of one weight W (out, in) or (out, in, height, width).
     *
     * @param down A, (rank, in) or (rank, in, height, width)
     * @param up B, (out, rank) or (out, rank, 1, 1)
     * @param scale alpha / rank
     */
    public record Factors(Supplier<Tensor> down, Supplier<Tensor> up, double scale) {

        /** Factors that are there already; borrowed. */
        public static Factors of(Tensor down, Tensor up, double scale) {
            return new Factors(() -> down, () -> up, scale);
        }
    }

    private final Map<String, Factors> factors;
    private final double weight;

    private LowRank(Map<String, Factors> factors, double weight) {
        this.factors = Collections.unmodifiableMap(new LinkedHashMap<>(factors));
        this.weight = weight;
    }

    /** The adapter with these factors by canonical names of weights, at weight 1. */
    public static LowRank of(Map<String, Factors> factors) {
        return new LowRank(factors, 1);
    }

    /** The same, {@code by} times as strong. */
    public LowRank times(double by) {
        return new LowRank(factors, weight * by);
    }

    /** The canonical names of the weights that it changes. */
    public Set<String> touched() {
        return factors.keySet();
    }

    @Override
    public WeightSource weights(WeightSource base) {
        return new Overlay(base, factors::containsKey, name -> {
            Factors f = Objects.requireNonNull(factors.get(name));
            return merge(base.load(name), f.down().get(), f.up().get(), weight * f.scale());
        });
    }

    /**
     * {@code w + scale * up down} in the type and shape of {@code w}, computed in float32 at least; gradients pass to all
     * three. A 1x1 convolution and a linear weight are the same.
     */
    public static Tensor merge(Tensor w, Tensor down, Tensor up, double scale) {
        torch.ScalarType type = w.scalar_type().intern();
        torch.ScalarType wide = type == torch.ScalarType.Double ? type : torch.ScalarType.Float;
        Tensor product =
                torch.mm(up.to(wide).reshape(up.size(0), -1), down.to(wide).reshape(down.size(0), -1));
        Tensor change = product.reshape(TensorInfo.of(w).shape()).to(w.device(), wide);
        return w.to(wide).add(change, new Scalar(scale)).to(type);
    }
}
