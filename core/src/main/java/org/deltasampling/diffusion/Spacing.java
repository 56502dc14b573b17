package org.deltasampling.diffusion;

/** Which timesteps are taken of those trained on (Lin et al. 2023, table 2). */
public enum Spacing {
    /** Evenly from the last to the first. */
    LINSPACE,
    /** Every n-th from the first: never reaches the last. */
    LEADING,
    /** Every n-th from the last. */
    TRAILING
}
