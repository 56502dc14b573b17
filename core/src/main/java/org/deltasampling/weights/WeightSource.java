package org.deltasampling.weights;

import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/** Named tensors, read on demand, never all at once. */
public interface WeightSource {

    /** {@code tensors} as a source; they are borrowed and must outlive it. */
    static WeightSource of(Map<String, Tensor> tensors) {
        return new TensorMap(tensors);
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
     * The tensor; owned by the caller's scope, its storage possibly a read-only mapping of the file.
     *
     * @throws BadWeightsException if there is no tensor of that name
     */
    Tensor load(String name);
}
