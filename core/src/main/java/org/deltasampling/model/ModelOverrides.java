package org.deltasampling.model;

import java.nio.file.Path;
import org.deltasampling.diffusion.Parameterization;
import org.jspecify.annotations.Nullable;

/**
 * What takes the place of some of a model's files and settings; null: the model's own.
 *
 * @param vae an autoencoder: a file of weights or a diffusers folder
 * @param t5Tokenizer T5's tokenizer: a tokenizer.json, a spiece.model or a folder with one of them
 * @param prediction what the denoising network predicts
 * @param zeroSnr whether the noise levels are rescaled to zero terminal SNR (Lin et al. 2023)
 * @param scheduler diffusers' name of the scheduler class whose settings the scheduler_config.json holds
 */
public record ModelOverrides(
        @Nullable Path vae,
        @Nullable Path t5Tokenizer,
        @Nullable Parameterization prediction,
        @Nullable Boolean zeroSnr,
        @Nullable String scheduler) {

    public static final ModelOverrides NONE = new ModelOverrides(null, null);

    public ModelOverrides {
        vae = vae == null ? null : vae.toAbsolutePath().normalize();
        t5Tokenizer = t5Tokenizer == null ? null : t5Tokenizer.toAbsolutePath().normalize();
    }

    /** Other files only. */
    public ModelOverrides(@Nullable Path vae, @Nullable Path t5Tokenizer) {
        this(vae, t5Tokenizer, null, null, null);
    }

    /** These, and for those that are null, the other's. */
    public ModelOverrides or(ModelOverrides other) {
        return new ModelOverrides(
                first(vae, other.vae),
                first(t5Tokenizer, other.t5Tokenizer),
                first(prediction, other.prediction),
                first(zeroSnr, other.zeroSnr),
                first(scheduler, other.scheduler));
    }

    private static <T> @Nullable T first(@Nullable T own, @Nullable T other) {
        return own == null ? other : own;
    }
}
