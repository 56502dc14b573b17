package org.deltasampling.tensor;

import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * PyTorch's CPU generator: the same seed draws the same numbers as {@code torch.Generator().manual_seed(seed)}. Owned by
 * the region it is made in.
 */
public final class SeededNoise {

    static {
        NativeLibraries.load();
    }

    private final GeneratorOptional generator;

    public SeededNoise(long seed) {
        Generator seeded = torch.make_generator_cpu(seed);
        generator = new GeneratorOptional(seeded);
    }

    /** The next standard normal numbers, float32, of {@code shape}. */
    public Latent draw(long... shape) {
        return new Latent(torch.randn(shape, generator));
    }
}
