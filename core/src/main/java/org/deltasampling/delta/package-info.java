/**
 * The method. {@link org.deltasampling.delta.DeltaDenoiser} is the paper's line; a {@link org.deltasampling.delta.Source}
 * is how it sees another model, a {@link org.deltasampling.delta.LatentBridge} how latents get there and differences back, a
 * {@link org.deltasampling.delta.DeltaPolicy} what of a delta is added, such as a {@link
 * org.deltasampling.delta.LambdaSchedule} over what happens at noise levels that the source does not know. {@link
 * org.deltasampling.delta.ReferenceDenoiser} is the authors' own variant, to compare with.
 */
@NullMarked
package org.deltasampling.delta;

import org.jspecify.annotations.NullMarked;
