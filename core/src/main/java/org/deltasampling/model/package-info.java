/**
 * Models: {@link org.deltasampling.model.Checkpoint} opens one on disk, {@link org.deltasampling.model.Architecture} lists
 * what is known of the families, {@link org.deltasampling.model.FileKind} tells what else a file is. A denoising network is a
 * {@link org.deltasampling.model.Backbone}; each network is one file in a package of its own.
 */
@NullMarked
package org.deltasampling.model;

import org.jspecify.annotations.NullMarked;
