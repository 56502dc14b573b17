package org.deltasampling.tensor;

/** Height and width of latents in elements, or of images in pixels. */
public record LatentSize(long height, long width) {}
