/** The denoising network of Stable Diffusion 3 and 3.5: {@link org.deltasampling.model.mmdit.MMDiT}. */
@NullMarked
package org.deltasampling.model.mmdit;

import org.jspecify.annotations.NullMarked;
