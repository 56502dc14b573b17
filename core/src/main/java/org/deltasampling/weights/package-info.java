/**
 * Weights from files to models: a {@link org.deltasampling.weights.WeightSource} is named tensors read on demand, {@link
 * org.deltasampling.weights.SafetensorsFile} is one over a mapped file, and {@link
 * org.deltasampling.weights.ResidentWeights} owns what models share; a {@link org.deltasampling.weights.WeightView} is one
 * in another form. Files spell the names of weights in several ways:
 * a {@link org.deltasampling.weights.KeyTable} translates, a {@link org.deltasampling.weights.WeightCheck} compares the result
 * to a model. What is wrong with a file is said by a {@link
 * org.deltasampling.weights.BadWeightsException}.
 */
@NullMarked
package org.deltasampling.weights;

import org.jspecify.annotations.NullMarked;
