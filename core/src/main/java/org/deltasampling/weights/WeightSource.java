package org.deltasampling.weights;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

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

    /** How the file below spells a name, for messages to its user. */
    default String spelling(String name) {
        return name;
    }
}
