package org.deltasampling.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The parts of models that a file holds, judged by all of its names.
 *
 * @param original whether there is a denoising network in the original layout
 * @param unet whether there is a UNet under diffusers' names
 * @param transformer whether there is an SD-3 transformer under diffusers' names
 * @param averaged whether there are averaged weights of a denoising network
 * @param encoder whether there is the encoder of an autoencoder
 * @param decoder whether there is its decoder
 * @param text whether there is a text encoder
 */
record FileParts(
        boolean original,
        boolean unet,
        boolean transformer,
        boolean averaged,
        boolean encoder,
        boolean decoder,
        boolean text) {

    static FileParts of(Set<String> names) {
        return new FileParts(
                OriginalLayout.networkPrefix(names).isPresent(),
                WeightNames.anyBegins(names, "down_blocks.") && WeightNames.anyBegins(names, "up_blocks."),
                WeightNames.anyBegins(names, "transformer_blocks.") && WeightNames.anyBegins(names, "pos_embed."),
                WeightNames.anyBegins(names, "model_ema.diffusion_model"),
                WeightNames.anyBegins(
                        names,
                        "first_stage_model.encoder.",
                        "encoder.down.",
                        "encoder.down_blocks.",
                        "encoder.conv_in."),
                WeightNames.anyBegins(
                        names, "first_stage_model.decoder.", "decoder.up.", "decoder.up_blocks.", "decoder.conv_in."),
                WeightNames.anyBegins(
                        names,
                        "text_model.",
                        "cond_stage_model.",
                        "conditioner.embedders.",
                        "text_encoders.",
                        "embeddings.token_embedding",
                        "encoder.block."));
    }

    boolean network() {
        return original || unet || transformer;
    }

    boolean autoencoder() {
        return encoder && decoder;
    }

    /** The parts beside a denoising network, for people. */
    List<String> beside() {
        List<String> parts = new ArrayList<>();
        if (autoencoder()) {
            parts.add("a VAE");
        } else if (encoder || decoder) {
            parts.add(
                    encoder ? "the encoder of a VAE without its decoder" : "the decoder of a VAE without its encoder");
        }
        if (text) {
            parts.add("a text encoder");
        }
        return parts;
    }
}
