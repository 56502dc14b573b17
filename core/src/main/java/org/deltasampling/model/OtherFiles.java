package org.deltasampling.model;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Files that stand in for a model's own.
 *
 * @param vae an autoencoder: a .safetensors file or a diffusers folder; null: the model's
 * @param t5Tokenizer T5's tokenizer: a tokenizer.json, a spiece.model or a folder with one of them; null: the model's
 */
public record OtherFiles(@Nullable Path vae, @Nullable Path t5Tokenizer) {

    public static final OtherFiles NONE = new OtherFiles(null, null);

    public OtherFiles {
        vae = vae == null ? null : vae.toAbsolutePath().normalize();
        t5Tokenizer = t5Tokenizer == null ? null : t5Tokenizer.toAbsolutePath().normalize();
    }

    /** These, and where there is none, the other's. */
    public OtherFiles or(OtherFiles other) {
        return new OtherFiles(vae == null ? other.vae : vae, t5Tokenizer == null ? other.t5Tokenizer : t5Tokenizer);
    }
}
