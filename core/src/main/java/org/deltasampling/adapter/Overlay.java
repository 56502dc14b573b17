package org.deltasampling.adapter;

import java.util.function.Predicate;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightView;

/**
 * {@code source} with some tensors loaded another way, their types and shapes the same.
 *
 * @param by where the changes come from, for messages
 */
record Overlay(WeightSource source, String by, Predicate<String> changed, Loader loader) implements WeightView {

    /** How a changed tensor is loaded. */
    @FunctionalInterface
    interface Loader {
        Tensor load(String name);
    }

    @Override
    public Tensor load(String name) {
        return changed.test(name) ? loader.load(name) : source.load(name);
    }

    @Override
    public boolean keeps(String name) {
        return !changed.test(name) && source.keeps(name);
    }

    @Override
    public String origin() {
        return "%s as changed by %s".formatted(source.origin(), by);
    }
}
