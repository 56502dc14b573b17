package org.deltasampling.model;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Files that stand in for a model's own.
 *
 * @param vae an autoencoder: a .safetensors file or a diffusers folder; null: the model's
 * @param t5Tokenizer T5's tokenizer: a tokenizer.json, a spiece.model or a folder with one of them; null: the model's
 */
public record FileOverrides(@Nullable Path vae, @Nullable Path t5Tokenizer) {

    public static final FileOverrides NONE = new FileOverrides(null, null);

    public FileOverrides {
        vae = vae == null ? null : vae.toAbsolutePath().normalize();
        t5Tokenizer = t5Tokenizer == null ? null : t5Tokenizer.toAbsolutePath().normalize();
    }

    /** These, and where there is none, the other's. */
    public FileOverrides or(FileOverrides other) {
        return new FileOverrides(vae == null ? other.vae : vae, t5Tokenizer == null ? other.t5Tokenizer : t5Tokenizer);
    }
}
