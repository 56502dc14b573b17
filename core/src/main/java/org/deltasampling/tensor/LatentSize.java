package org.deltasampling.tensor;

/** Height and width of latents in elements, or of pictures in pixels. */
public record LatentSize(long height, long width) {}
