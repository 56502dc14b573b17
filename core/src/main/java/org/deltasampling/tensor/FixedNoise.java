package org.deltasampling.tensor;

import java.util.Arrays;
import java.util.List;

/**
 * Standard normal noise that depends on nothing but its shape and the seeds, so that it is the same in every step.
 *
 * @param seeds one for each image of a batch, which gets its own whatever its batch is; or one for all
 */
public record FixedNoise(List<Long> seeds) {

    public FixedNoise {
        seeds = List.copyOf(seeds);
    }

    public static FixedNoise of(long... seeds) {
        return new FixedNoise(Arrays.stream(seeds).boxed().toList());
    }

    /** Noise of {@code shape} (batch, channels, height, width), float32. */
    public Latent draw(long... shape) {
        return new SeededNoise(seeds.stream().mapToLong(Long::longValue).toArray()).draw(shape);
    }

    /** Other noise, independent of this. */
    public FixedNoise other() {
        return new FixedNoise(seeds.stream().map(seed -> seed ^ 0x55555555L).toList());
    }
}
