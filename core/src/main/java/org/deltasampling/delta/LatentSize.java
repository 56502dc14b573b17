package org.deltasampling.delta;

/** Height and width of latents, in elements. */
public record LatentSize(long height, long width) {}
