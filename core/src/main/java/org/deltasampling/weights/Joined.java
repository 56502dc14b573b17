package org.deltasampling.weights;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/** Several sources as one. */
final class Joined implements WeightSource {

    private final Map<String, WeightSource> located = new LinkedHashMap<>();

    Joined(List<WeightSource> sources) {
        for (WeightSource source : sources) {
            for (String name : source.names()) {
                if (located.put(name, source) != null) {
                    throw new IllegalArgumentException("two sources have " + name);
                }
            }
        }
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(located.keySet());
    }

    @Override
    public TensorInfo info(String name) {
        return source(name).info(name);
    }

    @Override
    public Tensor load(String name) {
        return source(name).load(name);
    }

    @Override
    public String nameInFile(String name) {
        return source(name).nameInFile(name);
    }

    private WeightSource source(String name) {
        return Nearest.found(name, located, origin());
    }
}
