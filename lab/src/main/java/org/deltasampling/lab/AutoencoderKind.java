package org.deltasampling.lab;

import java.util.List;
import org.deltasampling.model.vae.AutoencoderKl;

/** The autoencoders: one that the demo's SD-1 and SD-2 share, one for XL and one for SD-3. */
@SuppressWarnings("ImmutableEnumChecker") // the config's list is of List.of
enum AutoencoderKind {
    /** Of SD-1 and SD-2. */
    SD("", 4, true, 1, 0, 8000, 2600, 5000),

    /** As XL's: the layout of {@link #SD}, other weights, another scaling factor. */
    XL("-xl", 4, true, 0.13025, 0, 5000, 4400, 7000),

    /** As SD-3's: 16 channels, no quantisation convolutions, a shift factor. */
    SD3("-sd3", 16, false, 1.5305, 0.0609, 5000, 2800, 3000);

    private final String suffix;
    private final AutoencoderKl.Config config;
    private final int cropSteps;
    private final int imageSteps;
    private final int decoderSteps;

    AutoencoderKind(
            String suffix,
            long channels,
            boolean quant,
            double scale,
            double shift,
            int cropSteps,
            int imageSteps,
            int decoderSteps) {
        this.suffix = suffix;
        this.config = new AutoencoderKl.Config(
                new AutoencoderKl.Config.Latents(channels, scale, shift, quant, quant),
                List.of(16L, 32L, 64L, 96L),
                1,
                8,
                true);
        this.cropSteps = cropSteps;
        this.imageSteps = imageSteps;
        this.decoderSteps = decoderSteps;
    }

    AutoencoderKl.Config config() {
        return config;
    }

    /** {@code name} with the ending that this autoencoder's files and log lines have. */
    String named(String name) {
        return name + suffix;
    }

    /** Training steps on crops. */
    int cropSteps() {
        return cropSteps;
    }

    /** Training steps on whole images. */
    int imageSteps() {
        return imageSteps;
    }

    /** Training steps of the decoder alone. */
    int decoderSteps() {
        return decoderSteps;
    }
}
