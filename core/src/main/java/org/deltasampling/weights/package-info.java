/**
 * Weights from files to models: a {@link org.deltasampling.weights.WeightSource} is named tensors read on demand, {@link
 * org.deltasampling.weights.SafetensorsFile} is one over a mapped file, and {@link
 * org.deltasampling.weights.ResidentWeights} owns what models share. What is wrong with a file is said by a {@link
 * org.deltasampling.weights.BadWeightsException}.
 */
@NullMarked
package org.deltasampling.weights;

import org.jspecify.annotations.NullMarked;
