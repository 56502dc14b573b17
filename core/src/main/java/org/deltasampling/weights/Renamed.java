package org.deltasampling.weights;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.tensor.TensorScope;

/**
 * {@code file} under other names.
 *
 * @param located by the new names, what the file calls them and what of it they are
 */
record Renamed(WeightSource file, Map<String, KeyTable.Row> located) implements WeightSource {

    /** Under the keys of {@code names}, whose values are the file's names. */
    static Renamed of(WeightSource file, Map<String, String> names) {
        Map<String, KeyTable.Row> located = new LinkedHashMap<>();
        names.forEach((name, own) -> located.put(name, new KeyTable.Row(name, own, new Transform.Keep())));
        return new Renamed(file, located);
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(located.keySet());
    }

    @Override
    public TensorInfo info(String name) {
        KeyTable.Row row = Nearest.found(name, located);
        TensorInfo info = file.info(row.file());
        return new TensorInfo(info.type(), row.verb().shape(info.shape()));
    }

    @Override
    public Tensor load(String name) {
        KeyTable.Row row = Nearest.found(name, located);
        return TensorScope.scopedTensor(() -> row.verb().read(file.load(row.file())));
    }

    @Override
    public String spelling(String name) {
        KeyTable.Row row = located.get(name);
        return row == null ? name : file.spelling(row.file());
    }
}
