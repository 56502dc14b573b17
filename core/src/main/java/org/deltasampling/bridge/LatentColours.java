package org.deltasampling.bridge;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.model.vae.AutoencoderKl;

/**
 * What is published of the colours in latents: a linear map from scaled latents to red, green and blue, -1 to 1, at the
 * latents' own resolution, by which programs show previews. The numbers are those of ComfyUI (comfy/latent_formats.py, commit
 * 75399d7).
 */
public final class LatentColours {

    /** Of the autoencoders that they were published for, all of the same form. */
    private static final List<Long> WIDTHS = List.of(128L, 256L, 512L, 512L);

    private static final Map<LatentSpace, ChannelMap> PUBLISHED = Map.of(
            new LatentSpace(4, 8, 0.18215, 0),
            ChannelMap.of(
                    new double[] {0.3512, 0.3250, -0.2829, -0.2120},
                    new double[] {0.2297, 0.4974, 0.1762, -0.2616},
                    new double[] {0.3227, 0.2350, 0.2721, -0.7177}),
            new LatentSpace(4, 8, 0.13025, 0),
            ChannelMap.of(
                    new double[][] {
                        {0.3651, -0.2533, 0.1076, -0.3165},
                        {0.4232, -0.0042, 0.1111, -0.2492},
                        {0.4341, 0.1068, -0.0362, -0.2188}
                    },
                    new double[] {0.1084, -0.0175, -0.0011}),
            new LatentSpace(16, 8, 1.5305, 0.0609),
            ChannelMap.of(
                    new double[][] {
                        {
                            -0.0922, 0.0311, 0.1994, 0.0856, 0.0587, -0.0006, 0.0978, -0.0042, -0.0194, -0.0488, 0.0922,
                            -0.0278, 0.0332, -0.0069, -0.0596, -0.1448
                        },
                        {
                            -0.0175, 0.0633, 0.0927, 0.0339, 0.0272, 0.1104, 0.0306, 0.1038, 0.0020, 0.0130, 0.0988,
                            0.0524, 0.0456, -0.0030, -0.0465, -0.1463
                        },
                        {
                            0.0749, 0.0954, 0.0458, 0.0902, -0.0496, 0.0309, 0.0427, 0.1358, 0.0669, -0.0268, 0.0951,
                            -0.0542, 0.0895, -0.0810, -0.0293, -0.1189
                        }
                    },
                    new double[] {0.2394, 0.2135, 0.1925}));

    private LatentColours() {}

    /** Of latents of that space, if they are those of SD-1 and 2, of SD-XL or of SD-3. */
    public static Optional<ChannelMap> of(LatentSpace space) {
        return Optional.ofNullable(PUBLISHED.get(space));
    }

    /** Whether an autoencoder is, by all that its form tells, the one that {@link #of} is about. */
    public static boolean areOf(AutoencoderKl.Config autoencoder) {
        return PUBLISHED.containsKey(autoencoder.latentSpace())
                && autoencoder.channels().equals(WIDTHS);
    }
}
