package org.deltasampling.tensor;

import java.util.Arrays;
import java.util.List;
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

    private final List<GeneratorOptional> generators;

    /** @param seeds of as many generators, each of which draws its equal part of a batch */
    public SeededNoise(long... seeds) {
        generators = Arrays.stream(seeds)
                .mapToObj(seed -> new GeneratorOptional(torch.make_generator_cpu(seed)))
                .toList();
    }

    /**
     * The next standard normal numbers, float32, of {@code shape}.
     *
     * @throws IllegalArgumentException if the batch, {@code shape[0]}, has no equal part for each generator
     */
    public Latent draw(long... shape) {
        if (shape[0] % generators.size() != 0) {
            throw new IllegalArgumentException(
                    "noise for %d images from %d seeds".formatted(shape[0], generators.size()));
        }
        long[] part = shape.clone();
        part[0] /= generators.size();
        return Latent.joinBatch(generators.stream()
                .map(generator -> new Latent(torch.randn(part, generator)))
                .toList());
    }
}
