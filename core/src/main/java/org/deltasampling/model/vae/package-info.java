/** The autoencoder between images and latents: {@link org.deltasampling.model.vae.AutoencoderKl}. */
@NullMarked
package org.deltasampling.model.vae;

import org.jspecify.annotations.NullMarked;
