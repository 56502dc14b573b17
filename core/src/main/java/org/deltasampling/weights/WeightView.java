package org.deltasampling.weights;

import java.util.Set;

/** A source with the tensors of another in another form: whatever it does not define itself is that of {@link #source}. */
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
    default String nameInFile(String name) {
        return source().nameInFile(name);
    }

    @Override
    default String origin() {
        return source().origin();
    }
}
