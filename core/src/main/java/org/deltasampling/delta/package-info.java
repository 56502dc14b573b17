/**
 * The method. {@link org.deltasampling.delta.DeltaDenoiser} is the paper's line; a {@link org.deltasampling.delta.Source}
 * is how it sees another model, a {@link org.deltasampling.delta.LatentBridge} how latents get there and differences back, a
 * {@link org.deltasampling.delta.LambdaSchedule} how strong it is, a {@link org.deltasampling.delta.LevelPolicy} what
 * happens at noise levels that it does not know. {@link org.deltasampling.delta.ReferenceDenoiser} is the authors' own variant, to compare with.
 */
@NullMarked
package org.deltasampling.delta;

import org.jspecify.annotations.NullMarked;
