/**
 * IP-Adapters (Ye et al. 2023): images as prompts. {@link org.deltasampling.model.ipadapter.IpAdapterFile} is one on disk, {@link
 * org.deltasampling.model.ipadapter.IpAdapter} makes of images what the attention layers of a network read beside the text.
 */
@NullMarked
package org.deltasampling.model.ipadapter;

import org.jspecify.annotations.NullMarked;
