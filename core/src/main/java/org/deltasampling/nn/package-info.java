/**
 * Layers, as diffusers' models are made of: records that take their tensors from {@link org.deltasampling.nn.Parameters} by
 * name and shape, and a method from tensor to tensor. They hold no state and know nothing of adapters, training or files.
 */
@NullMarked
package org.deltasampling.nn;

import org.jspecify.annotations.NullMarked;
