/**
 * Models: {@link org.deltasampling.model.Checkpoint} opens one on disk, {@link org.deltasampling.model.Architecture} lists
 * what is known of the families, {@link org.deltasampling.model.FileKind} tells models from other files. A denoising network
 * is a {@link org.deltasampling.model.Backbone}, all that it reads beside x and t a {@link
 * org.deltasampling.model.Conditioning}; each network is one file in a package of its own.
 *
 * <p>Readers, from the outside in: CheckpointReader puts a model together, FolderReader and FileReader find its parts in a
 * diffusers folder or a single file, a {@link org.deltasampling.model.ModelPart} is one network's weights and config.
 */
@NullMarked
package org.deltasampling.model;

import org.jspecify.annotations.NullMarked;
