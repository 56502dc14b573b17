/** The UNet of Stable Diffusion 1.x and 2.x: {@link org.deltasampling.model.unet.UNet}, one file read downward. */
@NullMarked
package org.deltasampling.model.unet;

import org.jspecify.annotations.NullMarked;
