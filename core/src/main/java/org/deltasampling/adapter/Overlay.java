package org.deltasampling.adapter;

import java.util.Set;
import java.util.function.Predicate;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.weights.TensorInfo;
import org.deltasampling.weights.WeightSource;

/** {@code base} with some tensors loaded another way, their types and shapes the same. */
record Overlay(WeightSource base, Predicate<String> changed, Loader loader) implements WeightSource {

    /** How a changed tensor is loaded. */
    @FunctionalInterface
    interface Loader {
        Tensor load(String name);
    }

    @Override
    public Set<String> names() {
        return base.names();
    }

    @Override
    public TensorInfo info(String name) {
        return base.info(name);
    }

    @Override
    public Tensor load(String name) {
        return changed.test(name) ? loader.load(name) : base.load(name);
    }

    @Override
    public boolean keeps(String name) {
        return !changed.test(name) && base.keeps(name);
    }

    @Override
    public String spelling(String name) {
        return base.spelling(name);
    }
}
