package org.deltasampling.lab;

import java.util.List;
import org.deltasampling.model.vae.AutoencoderKl;

/** The autoencoders: that of the demo's SD-1 and SD-2, which share it, and one of their own for XL and for SD-3. */
@SuppressWarnings("ImmutableEnumChecker") // the config's list is of List.of
enum AutoencoderKind {
    /** Of SD-1 and SD-2. */
    SD("", 4, true, 1, 0, 8000, 2600, 5000),

    /** In the manner of XL's: as small as SD's, other weights, another scale. */
    XL("-xl", 4, true, 0.13025, 0, 5000, 4400, 7000),

    /** In the manner of SD-3's: 16 channels, no layers between the halves and the latents, latents around a shift. */
    SD3("-sd3", 16, false, 1.5305, 0.0609, 5000, 2800, 3000);

    private final String suffix;
    private final AutoencoderKl.Config config;
    private final int crops;
    private final int wholes;
    private final int decoding;

    AutoencoderKind(
            String suffix,
            long channels,
            boolean quant,
            double scale,
            double shift,
            int crops,
            int wholes,
            int decoding) {
        this.suffix = suffix;
        this.config = new AutoencoderKl.Config(
                new AutoencoderKl.Config.Latents(channels, scale, shift, quant, quant),
                List.of(16L, 32L, 64L, 96L),
                1,
                8,
                true);
        this.crops = crops;
        this.wholes = wholes;
        this.decoding = decoding;
    }

    AutoencoderKl.Config config() {
        return config;
    }

    /** {@code name} as the files and the log of this one have it. */
    String named(String name) {
        return name + suffix;
    }

    /** Steps on crops. */
    int crops() {
        return crops;
    }

    /** Steps on whole images. */
    int wholes() {
        return wholes;
    }

    /** Steps of the decoder alone. */
    int decoding() {
        return decoding;
    }
}
