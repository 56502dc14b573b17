package org.deltasampling.model;

import java.util.Set;
import java.util.function.Function;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.WeightSource;

/** Reads autoencoders in any layout. */
final class AutoencoderReader {

    private static final String DIFFUSERS = "vae-diffusers";

    private AutoencoderReader() {}

    /** That in the folder of a part. */
    static ModelPart<AutoencoderKl.Config> read(PartFolder folder, OpenFiles files) {
        AutoencoderKl.Config config = folder.config(AutoencoderKl.Config::read);
        return ModelPart.of(
                files.weights(folder.weights(PartFolder.DIFFUSION)),
                names -> KeyTable.read(DIFFUSERS),
                weights -> config,
                AutoencoderKl::new);
    }

    /**
     * That in a file, alone or among the parts of a checkpoint.
     *
     * @param family whose scaling of latents it has
     * @throws BadWeightsException saying what the file is, if it has none, or only half of one
     */
    static ModelPart<AutoencoderKl.Config> read(WeightSource file, Architecture family) {
        Set<String> names = file.names();
        FileParts parts = FileParts.of(names);
        if (!parts.encoder() && !parts.decoder()) {
            throw new BadWeightsException(
                    "%s is %s where an autoencoder (VAE) is wanted".formatted(file.origin(), FileKind.title(names)));
        }
        if (!parts.autoencoder()) {
            throw new BadWeightsException(
                    "%s has the %s of an autoencoder (VAE), and the %s half is missing: take a whole one"
                            .formatted(
                                    file.origin(),
                                    parts.encoder() ? "encoder" : "decoder",
                                    parts.encoder() ? "decoder" : "encoder"));
        }
        if (WeightNames.anyBegins(names, "decoder.up_blocks.")) {
            return inferred(file, all -> KeyTable.read(DIFFUSERS), family);
        }
        return inferred(OriginalLayout.hasVae(names) ? file : OriginalLayout.asVae(file), OriginalLayout::vae, family);
    }

    private static ModelPart<AutoencoderKl.Config> inferred(
            WeightSource file, Function<Set<String>, KeyTable> table, Architecture family) {
        return ModelPart.of(
                file,
                table,
                weights -> AutoencoderKl.Config.infer(weights, family.latentScale(), family.latentShift()),
                AutoencoderKl::new);
    }
}
