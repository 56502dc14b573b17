package org.deltasampling.weights;

import java.util.Collections;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.tensor.TensorScope;

/**
 * {@code file} under other names.
 *
 * @param located by the new names, what the file calls them and which of its values they are
 */
record Renamed(WeightSource file, Map<String, KeyRow> located) implements WeightSource {

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(located.keySet());
    }

    @Override
    public TensorInfo info(String name) {
        KeyRow row = row(name);
        TensorInfo info = file.info(row.file());
        return new TensorInfo(info.type(), row.transform().shape(info.shape()));
    }

    @Override
    public Tensor load(String name) {
        KeyRow row = row(name);
        return TensorScope.scopedTensor(() -> row.transform().read(file.load(row.file())));
    }

    @Override
    public String nameInFile(String name) {
        KeyRow row = located.get(name);
        return row == null ? name : file.nameInFile(row.file());
    }

    @Override
    public String origin() {
        return file.origin();
    }

    private KeyRow row(String name) {
        return Nearest.found(name, located, origin());
    }
}
