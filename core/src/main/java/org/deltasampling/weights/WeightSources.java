package org.deltasampling.weights;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.Precision;

/** Sources made of tensors or of other sources. */
public final class WeightSources {

    private WeightSources() {}

    /** {@code tensors} as a source; they are borrowed and must outlive it. */
    public static WeightSource of(Map<String, Tensor> tensors) {
        return new TensorMap(tensors);
    }

    /** Sources without a name in common as one. */
    public static WeightSource joined(List<WeightSource> sources) {
        return Joined.of(sources);
    }

    /** The same numbers in {@code precision}; what has it already is not copied. */
    public static WeightSource in(WeightSource source, Precision precision) {
        return new Converted(source, precision);
    }

    /** The same in the memory of {@code device}; what is there already is not copied. */
    public static WeightSource on(WeightSource source, Device device) {
        return device.gpu() ? new OnDevice(source, device) : source;
    }

    /** Tensors of {@code source} under other names: the keys of {@code names}, whose values are the names there. */
    public static WeightSource renamed(WeightSource source, Map<String, String> names) {
        Map<String, KeyRow> located = new LinkedHashMap<>();
        names.forEach((name, own) -> located.put(name, KeyRow.same(name, own)));
        return new Renamed(source, located);
    }
}
