/**
 * Changes of the weights that a model reads: an {@link org.deltasampling.adapter.Adapter} takes weights and gives others, and
 * models never learn of it. {@link org.deltasampling.adapter.AdapterFile} reads adapters in every key format: it groups a
 * file's tensors by the modules that they change, as the table of kinds (AdapterKinds) says, and finds these modules in a
 * model. Each kind is a {@link org.deltasampling.adapter.WeightChange}: {@link org.deltasampling.adapter.LowRank} is LoRA, the
 * others are those of LyCORIS and PEFT, at strengths other than 1 as ComfyUI has them. {@link
 * org.deltasampling.adapter.AdapterReport} is what a file says of itself, {@link org.deltasampling.adapter.AdapterFit} how much
 * of it a model takes. {@link org.deltasampling.adapter.FineTune} takes another checkpoint's weights.
 */
@NullMarked
package org.deltasampling.adapter;

import org.jspecify.annotations.NullMarked;
