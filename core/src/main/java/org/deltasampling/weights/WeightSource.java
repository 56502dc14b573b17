package org.deltasampling.weights;

import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/** Named tensors, read on demand, never all at once. */
public interface WeightSource {

    /** Every name, in the key format of this source. */
    Set<String> names();

    /**
     * Type and shape of a tensor, without reading it.
     *
     * @throws BadWeightsException if there is no tensor of that name
     */
    TensorInfo info(String name);

    /**
     * The tensor, to be read only: it may share its storage with a mapped file or another model. It belongs to the caller's
     * scope, unless the source owns it ({@link ResidentWeights}) or was given it ({@link WeightSources#of}).
     *
     * @throws BadWeightsException if there is no tensor of that name
     */
    Tensor load(String name);

    /** Whether {@link #load} gives a tensor that is in memory anyway, kept by this source or one below. */
    default boolean keeps(String name) {
        return false;
    }

    /** What the file below calls a tensor, for messages to its user. */
    default String nameInFile(String name) {
        return name;
    }

    /** Where the tensors come from, for messages to the user: the path of a file, if there is one below. */
    default String origin() {
        return "the model";
    }
}
