/**
 * Who owns native memory, and for how long: the only package that uses JavaCPP.
 *
 * <p>{@link org.deltasampling.tensor.TensorScope} is a lexical region that frees what was made in it; its three verbs are all
 * that the rest of the code uses for memory. {@link org.deltasampling.tensor.Held} keeps a tensor beyond every region, {@link
 * org.deltasampling.tensor.CloseTogether} what is released together.
 * {@link org.deltasampling.tensor.Latent} is an immutable point of the sampled space, all that samplers and the method see of
 * a tensor; a {@link org.deltasampling.tensor.Memory} keeps one from step to step. {@link
 * org.deltasampling.tensor.ImageTensor} is what latents are decoded to, {@link org.deltasampling.tensor.SeededNoise} draws
 * what PyTorch draws from the same seed.
 */
@NullMarked
package org.deltasampling.tensor;

import org.jspecify.annotations.NullMarked;
