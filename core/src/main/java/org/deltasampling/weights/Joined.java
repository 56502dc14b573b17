package org.deltasampling.weights;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;

/**
 * Several sources as one.
 *
 * @param located by the names of the tensors, where they are
 */
record Joined(Map<String, WeightSource> located, String origin) implements WeightSource {

    /** All of {@code sources}, which have no name in common. */
    static Joined of(List<WeightSource> sources) {
        Map<String, WeightSource> located = new LinkedHashMap<>();
        for (WeightSource source : sources) {
            for (String name : source.names()) {
                if (located.put(name, source) != null) {
                    throw new IllegalArgumentException("two sources have " + name);
                }
            }
        }
        String origin = sources.stream().map(WeightSource::origin).distinct().collect(Collectors.joining(" and "));
        return new Joined(located, origin);
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
