package org.deltasampling.model;

import java.nio.file.Files;
import java.nio.file.Path;
import org.deltasampling.weights.BadWeightsException;

/** Finds the parts of a model, and those that stand in for them, and refuses parts of unlike models. */
final class CheckpointReader {

    private final Path path;
    private final ModelOverrides overrides;
    private final ModelParts parts = new ModelParts();

    private CheckpointReader(Path path, ModelOverrides overrides) {
        this.path = path;
        this.overrides = overrides;
    }

    /** What is at {@code path}; where it is refused, its files are closed again. */
    static ModelParts read(Path path, ModelOverrides overrides) {
        CheckpointReader reader = new CheckpointReader(path, overrides);
        boolean done = false;
        try {
            reader.read();
            done = true;
            return reader.parts;
        } finally {
            if (!done) {
                reader.parts.files.close();
            }
        }
    }

    private void read() {
        if (Files.isDirectory(path)) {
            FolderReader.read(path, overrides, parts);
        } else {
            FileReader.read(path, overrides, parts);
        }
        requireTextToImage();
        readOverrides();
        requireMatchingLatents();
        requireMatchingTexts();
    }

    private void readOverrides() {
        Path vae = overrides.vae();
        if (vae != null && Files.isDirectory(vae)) {
            boolean own = Files.exists(vae.resolve("config.json"));
            parts.vae = AutoencoderReader.read(new PartFolder(own ? vae : vae.resolve(PartNames.VAE)), parts.files);
        } else if (vae != null) {
            parts.vae = AutoencoderReader.read(parts.files.weights(vae), parts.architecture());
        }
        Path tokenizer = overrides.t5Tokenizer();
        if (tokenizer != null && !Files.exists(tokenizer)) {
            throw new BadWeightsException("the T5 tokenizer %s does not exist".formatted(tokenizer));
        }
        parts.t5Tokenizer = tokenizer == null ? parts.t5Tokenizer : tokenizer;
    }

    /** Inpainting, depth and the like read more than the latent. */
    private void requireTextToImage() {
        Backbone.Config c = parts.network().config();
        if (c.inChannels() != c.outChannels()) {
            throw new BadWeightsException(
                    ("%s is a variant whose network reads %d channels rather than %d (inpainting, depth, upscaling or editing):"
                                    + " give a plain text-to-image model")
                            .formatted(path, c.inChannels(), c.outChannels()));
        }
    }

    /** An autoencoder of another family would be noticed only after the first step, or not at all. */
    private void requireMatchingLatents() {
        long needed = parts.network().config().inChannels();
        long found = parts.vae == null ? needed : parts.vae.config().latents().channels();
        if (found != needed) {
            throw new BadWeightsException(
                    "%s cannot be used: its latents have %d channels where the network of %s reads %d; take an autoencoder of the same family"
                            .formatted(
                                    overrides.vae() == null ? "the autoencoder of " + path : overrides.vae(),
                                    found,
                                    path,
                                    needed));
        }
    }

    /** Text encoders of another model would be noticed only in the middle of the first step. */
    private void requireMatchingTexts() {
        if (parts.texts.isEmpty()) {
            return;
        }
        Backbone.Config c = parts.network().config();
        boolean flow = parts.architecture().isFlow();
        long clip = parts.texts.stream()
                .mapToLong(text -> text.config().layers().width())
                .sum();
        long width = flow && clip < c.contextWidth() ? c.contextWidth() : clip; // padded
        if (parts.t5 != null) {
            width = parts.t5.config().width();
        }
        long pooled = parts.texts.stream()
                .skip(flow ? 0 : parts.texts.size() - 1)
                .mapToLong(text -> text.config().pooledWidth())
                .sum();
        if (width != c.contextWidth() || (c.pooledWidth() > 0 && pooled != c.pooledWidth())) {
            throw new BadWeightsException(
                    ("%s cannot be used: its text is %d wide and %d pooled where its network reads %d and %d;"
                                    + " take all parts from the same model")
                            .formatted(path, width, pooled, c.contextWidth(), c.pooledWidth()));
        }
    }
}
