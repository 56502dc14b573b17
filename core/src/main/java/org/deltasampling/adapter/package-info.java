/**
 * Changes to what a model reads: an {@link org.deltasampling.adapter.Adapter} takes weights and gives others, and models never
 * learn of it. {@link org.deltasampling.adapter.LoraFile} reads the spellings of low-rank adapters, {@link
 * org.deltasampling.adapter.LowRank} merges one, {@link org.deltasampling.adapter.FineTune} takes another checkpoint's weights.
 */
@NullMarked
package org.deltasampling.adapter;

import org.jspecify.annotations.NullMarked;
