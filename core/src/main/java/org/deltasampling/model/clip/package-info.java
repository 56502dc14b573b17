/**
 * CLIP: the text encoders of Stable Diffusion ({@link org.deltasampling.model.clip.ClipText}), and the image encoders that IP-Adapters
 * read ({@link org.deltasampling.model.clip.ClipVision}).
 */
@NullMarked
package org.deltasampling.model.clip;

import org.jspecify.annotations.NullMarked;
