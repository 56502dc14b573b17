/**
 * Weights from files to models: a {@link org.deltasampling.weights.WeightSource} is named tensors read on demand, {@link
 * org.deltasampling.weights.WeightFile} is one over a file, safetensors or PyTorch's pickle, and {@link org.deltasampling.weights.ResidentWeights} owns what
 * models share; {@link org.deltasampling.weights.WeightSources} makes sources of others, and a {@link
 * org.deltasampling.weights.WeightView} is one in another form. Files name weights in several key formats: a {@link
 * org.deltasampling.weights.KeyTable} translates between one and the canonical names, a {@link
 * org.deltasampling.weights.WeightCheck} compares the result with what a model needs. What is wrong with a file is said by a
 * {@link org.deltasampling.weights.BadWeightsException}.
 */
@NullMarked
package org.deltasampling.weights;

import org.jspecify.annotations.NullMarked;
