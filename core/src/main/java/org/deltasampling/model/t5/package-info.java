/** The third text encoder of Stable Diffusion 3 and 3.5: {@link org.deltasampling.model.t5.T5Encoder}. */
@NullMarked
package org.deltasampling.model.t5;

import org.jspecify.annotations.NullMarked;
