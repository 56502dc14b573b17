package org.deltasampling.weights;

import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.file.Quoted;
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

    /** {@inheritDoc} Where the file's tensor cannot change form as it should, it is said as it is, which fits no model. */
    @Override
    public TensorInfo info(String name) {
        KeyRow row = row(name);
        TensorInfo info = file.info(row.file());
        return row.transform().takes(info.shape())
                ? new TensorInfo(info.type(), row.transform().shape(info.shape()))
                : info;
    }

    @Override
    public Tensor load(String name) {
        KeyRow row = row(name);
        long[] shape = file.info(row.file()).shape();
        if (!row.transform().takes(shape)) {
            throw new BadWeightsException("%s has %s in the shape %s, which no model has: download or copy it again"
                    .formatted(origin(), Quoted.of(row.file()), Arrays.toString(shape)));
        }
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
