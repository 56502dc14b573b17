/**
 * What comes out: an image with its latents, as a PNG that carries its {@link org.deltasampling.image.Provenance}: the recipe
 * and the hashes of the model files.
 */
@NullMarked
package org.deltasampling.image;

import org.jspecify.annotations.NullMarked;
