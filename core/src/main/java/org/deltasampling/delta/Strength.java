package org.deltasampling.delta;

import org.deltasampling.diffusion.NoiseLevel;

/** How much of a difference is taken over at a noise level: lambda. */
@FunctionalInterface
public interface Strength {

    /** lambda at {@code n}; at 0 nothing is evaluated. */
    double at(NoiseLevel n);
}
