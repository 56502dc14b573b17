package org.deltasampling.tensor;

import java.util.List;

/** What a region may hand to its successor: a value that names every tensor it holds. */
public interface Carried {

    /** All values with a tensor that are held; the same one may occur twice. */
    List<? extends TensorValue> tensors();
}
