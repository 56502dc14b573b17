package org.deltasampling.model;

import java.util.Set;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.weights.TensorInfo;
import org.deltasampling.weights.WeightSource;

/** A file with {@code prefix} before all of its names. */
record Prefixed(String prefix, WeightSource file) implements WeightSource {

    @Override
    public Set<String> names() {
        return file.names().stream().map(prefix::concat).collect(Collectors.toSet());
    }

    @Override
    public TensorInfo info(String name) {
        return file.info(own(name));
    }

    @Override
    public Tensor load(String name) {
        return file.load(own(name));
    }

    @Override
    public String spelling(String name) {
        return own(name);
    }

    private String own(String name) {
        return name.substring(prefix.length());
    }
}
