package org.deltasampling.tensor;

/** Width and height of latents in elements; {@link PixelSize} is that of images. */
public record LatentSize(long width, long height) {}
