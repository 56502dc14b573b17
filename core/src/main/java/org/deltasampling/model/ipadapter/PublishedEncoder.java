package org.deltasampling.model.ipadapter;

import java.util.Arrays;
import java.util.Optional;
import org.deltasampling.model.ImageEncoder.Output;

/** The image encoders that published IP-Adapters were trained with. */
enum PublishedEncoder {
    CLIP_L("OpenAI's CLIP ViT-L/14", 768, 1024),
    CLIP_H("OpenCLIP's ViT-H/14", 1024, 1280),
    CLIP_BIG_G("OpenCLIP's ViT-bigG/14", 1280, 1664),
    SIGLIP("SigLIP so400m patch14 384", 0, 1152);

    private final String title;
    private final long embedding;
    private final long hiddenStates;

    PublishedEncoder(String title, long embedding, long hiddenStates) {
        this.title = title;
        this.embedding = embedding;
        this.hiddenStates = hiddenStates;
    }

    /** That with such an output of that width, for people. */
    static Optional<String> title(Output output, long width) {
        return Arrays.stream(values())
                .filter(encoder -> width == (output == Output.EMBEDDING ? encoder.embedding : encoder.hiddenStates))
                .map(encoder -> encoder.title)
                .findFirst();
    }
}
