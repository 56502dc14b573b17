package org.deltasampling.pipeline;

import java.util.Arrays;
import java.util.Collections;
import java.util.Objects;
import java.util.Set;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.recipe.Recipe.TensorFile;
import org.deltasampling.sampling.NoiseSource;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.weights.Nearest;
import org.deltasampling.weights.WeightFile;
import org.jspecify.annotations.Nullable;

/**
 * The unit noise that images start from: the first of their seeds, or a file's.
 *
 * @param shape (1, channels, height, width)
 * @param file where it is, or null: the seed's
 */
record StartNoise(long[] shape, @Nullable TensorFile file) {

    /**
     * What {@code sampling} asks for in {@code space}; nothing is read but a file's header.
     *
     * @param divisor of the sides of its images
     * @param usual size where none is asked for
     * @throws BadRecipeException if the size is not possible, or the file holds no such noise
     */
    static StartNoise of(Sampling sampling, LatentSpace space, long divisor, PixelSize usual) {
        PixelSize size = sampling.size();
        if (size != null) {
            check(size, divisor, "this model");
        }
        TensorFile file = sampling.noise();
        if (file != null) {
            StartNoise noise = inFile(file, space, size);
            check(noise.image(space), divisor, "this model");
            return noise;
        }
        PixelSize wanted = size == null ? usual : size;
        return new StartNoise(
                new long[] {1, space.channels(), wanted.height() / space.downscale(), wanted.width() / space.downscale()
                },
                null);
    }

    /** The size of the image in pixels. */
    PixelSize image(LatentSpace space) {
        return new PixelSize((int) (shape[3] * space.downscale()), (int) (shape[2] * space.downscale()));
    }

    /** The noise itself for so many images, float32; owned by the caller's region. */
    Latent draw(int images, NoiseSource seeded) {
        if (file == null) {
            return seeded.draw(images, shape[1], shape[2], shape[3]);
        }
        try (WeightFile tensors = WeightFile.open(file.file())) {
            Latent one =
                    new Latent(tensors.load(Objects.requireNonNull(file.key())).to(torch.ScalarType.Float));
            return Latent.joinBatch(Collections.nCopies(images, one));
        }
    }

    /**
     * Checks an image's size.
     *
     * @throws BadRecipeException if its sides cannot be divided by {@code divisor}, as {@code who} needs
     */
    static void check(PixelSize size, long divisor, String who) {
        if (size.width() % divisor != 0 || size.height() % divisor != 0) {
            throw new BadRecipeException("the size %s cannot be divided by %d, as %s needs: the nearest is %dx%d"
                    .formatted(size, divisor, who, nearest(size.width(), divisor), nearest(size.height(), divisor)));
        }
    }

    private static long nearest(long side, long divisor) {
        return Math.max(1, Math.round((double) side / divisor)) * divisor;
    }

    private static StartNoise inFile(TensorFile place, LatentSpace space, @Nullable PixelSize size) {
        try (WeightFile file = WeightFile.open(place.file())) {
            String key = key(place, file.names());
            long[] shape = file.info(key).shape();
            if (shape.length != 4 || shape[0] != 1 || shape[1] != space.channels()) {
                throw new BadRecipeException(
                        "the noise %s has the shape %s where one image needs [1, %d, height, width]"
                                .formatted(place, Arrays.toString(shape), space.channels()));
            }
            long width = shape[3] * space.downscale();
            long height = shape[2] * space.downscale();
            if (size != null && (size.width() != width || size.height() != height)) {
                throw new BadRecipeException("the noise %s is for an image of %dx%d, not %s: leave out the size"
                        .formatted(place, width, height, size));
            }
            return new StartNoise(shape, new TensorFile(place.file(), key));
        }
    }

    private static String key(TensorFile place, Set<String> names) {
        String key = place.key();
        if (key == null && names.size() == 1) {
            return names.iterator().next();
        }
        if (key == null) {
            throw new BadRecipeException("%s holds %d tensors: say which one with #KEY after its name"
                    .formatted(place.file(), names.size()));
        }
        if (!names.contains(key)) {
            throw new BadRecipeException(
                    "%s has no tensor '%s'%s".formatted(place.file(), key, Nearest.hint(key, names)));
        }
        return key;
    }
}
