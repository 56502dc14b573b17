package org.deltasampling.weights;

import java.util.Map;

/** One file format with named tensors, as {@link WeightFile} reads it. */
interface Container extends WeightSource, AutoCloseable {

    /** The text entries beside the tensors. */
    Map<String, String> metadata();

    @Override
    void close();
}
