package org.deltasampling.diffusion;

/** One step of a sampling plan, from a noise level to a lower one. */
public record Step(NoiseLevel from, NoiseLevel to) {}
