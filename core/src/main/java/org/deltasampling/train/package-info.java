/**
 * Training: a {@link org.deltasampling.train.TrainingLoop} adjusts {@link org.deltasampling.train.TrainableParameters} so
 * that a loss becomes small. What is trained is a whole model, a part of one, or a {@link
 * org.deltasampling.train.LowRankAdaptation} of one; the networks are those that also make images, since they take their
 * tensors from {@link org.deltasampling.nn.Parameters}.
 */
@NullMarked
package org.deltasampling.train;

import org.jspecify.annotations.NullMarked;
