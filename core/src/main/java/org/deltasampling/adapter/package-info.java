/**
 * Changes of the weights that a model reads: an {@link org.deltasampling.adapter.Adapter} takes weights and gives others, and
 * models never learn of it. {@link org.deltasampling.adapter.AdapterFile} reads adapters in every key format: it groups a
 * file's tensors by the modules that they change, as the table of kinds (AdapterKinds) says, and finds these modules in a
 * model. Each kind is a {@link org.deltasampling.adapter.WeightChange}: {@link org.deltasampling.adapter.LowRank} is LoRA.
 * {@link org.deltasampling.adapter.FineTune} takes another checkpoint's weights.
 */
@NullMarked
package org.deltasampling.adapter;

import org.jspecify.annotations.NullMarked;
