package org.deltasampling.weights;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.Precision;

/** Named tensors, read on demand, never all at once. */
public interface WeightSource {

    /** {@code tensors} as a source; they are borrowed and must outlive it. */
    static WeightSource of(Map<String, Tensor> tensors) {
        return new TensorMap(tensors);
    }

    /** Sources without a name in common as one. */
    static WeightSource joined(List<WeightSource> sources) {
        return new Joined(sources);
    }

    /** Every name, in the dialect of this source. */
    Set<String> names();

    /**
     * Type and shape of a tensor, without reading it.
     *
     * @throws BadWeightsException if there is no tensor of that name
     */
    TensorInfo info(String name);

    /**
     * The tensor, to be read only: it may share its storage with a mapped file or another model. It belongs to the caller's
     * scope, unless the source owns it ({@link ResidentWeights}) or was given it ({@link #of}).
     *
     * @throws BadWeightsException if there is no tensor of that name
     */
    Tensor load(String name);

    /** Whether {@link #load} gives a tensor that is in memory anyway, kept by this source or one below. */
    default boolean keeps(String name) {
        return false;
    }

    /** The same numbers in {@code precision}; what has it already is not copied. */
    default WeightSource in(Precision precision) {
        return new Converted(this, precision);
    }

    /** The same in the memory of {@code device}; what is there already is not copied. */
    default WeightSource on(Device device) {
        return device.gpu() ? new OnDevice(this, device) : this;
    }

    /** Tensors of this under other names: the keys of {@code names}, whose values are the names here. */
    default WeightSource renamed(Map<String, String> names) {
        return Renamed.of(this, names);
    }

    /** How the file below spells a name, for messages to its user. */
    default String spelling(String name) {
        return name;
    }
}
