package org.deltasampling.weights;

import java.util.Set;

/** A source with the tensors of another in other form: whatever it does not say itself is as {@link #source} has it. */
public interface WeightView extends WeightSource {

    /** Where the tensors come from. */
    WeightSource source();

    @Override
    default Set<String> names() {
        return source().names();
    }

    @Override
    default TensorInfo info(String name) {
        return source().info(name);
    }

    @Override
    default boolean keeps(String name) {
        return source().keeps(name);
    }

    @Override
    default String spelling(String name) {
        return source().spelling(name);
    }
}
