/** The text encoder of Stable Diffusion 1.x and 2.x: {@link org.deltasampling.model.clip.ClipText}. */
@NullMarked
package org.deltasampling.model.clip;

import org.jspecify.annotations.NullMarked;
