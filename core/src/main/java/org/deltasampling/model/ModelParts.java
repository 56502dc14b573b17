package org.deltasampling.model;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.t5.T5Encoder;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.weights.WeightCheck;
import org.jspecify.annotations.Nullable;

/** What its readers have found of a model on disk; {@link Checkpoint} makes it known. */
final class ModelParts {

    final OpenFiles files = new OpenFiles();

    /** What belongs to none of the parts. */
    WeightCheck rest = WeightCheck.NONE;

    @Nullable
    ModelPart<UNet.Config> unet;

    @Nullable
    ModelPart<MMDiT.Config> transformer;

    @Nullable
    ModelPart<AutoencoderKl.Config> vae;

    /** All that the family needs, or none. */
    final List<ModelPart<ClipText.Config>> texts = new ArrayList<>();

    /** How many of those that the family needs there are. */
    int textsFound;

    @Nullable
    ModelPart<T5Encoder.Config> t5;

    @Nullable
    Path t5Tokenizer;

    @Nullable
    SchedulerConfig scheduler;

    /** Width and height of the latents that it was trained on; 0: not known. */
    int sampleSize;

    boolean zeroForEmptyNegative;

    ModelPart<? extends Backbone.Config> network() {
        return transformer != null ? transformer : Objects.requireNonNull(unet);
    }

    Architecture architecture() {
        return Architecture.of(network().config());
    }
}
