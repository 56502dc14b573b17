package org.deltasampling.model;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.diffusion.ClassifierFreeGuidance;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.tensor.Latent;

/**
 * The denoised latent (predicted x0) by a network.
 *
 * @param network takes points of its own coordinates and its own timesteps
 * @param parameterization what its output means
 * @param conditioning for one image, or for each of a batch
 */
public record NetworkDenoiser(Backbone network, Parameterization parameterization, Conditioning conditioning)
        implements Denoiser {

    /** Classifier-free guidance by {@code network}, the conditional and the unconditional output from one batch. */
    public static Denoiser guided(
            Backbone network,
            Parameterization parameterization,
            Conditioning conditional,
            Conditioning unconditional,
            double scale) {
        return conditional.fits(unconditional) && scale != 1 && scale != 0
                ? new Guided(network, parameterization, conditional, unconditional, scale)
                : new ClassifierFreeGuidance(
                        new NetworkDenoiser(network, parameterization, conditional),
                        new NetworkDenoiser(network, parameterization, unconditional),
                        scale);
    }

    @Override
    public Latent denoise(Latent x, NoiseLevel n) {
        Tensor out = network.predict(x.tensor(), timestep(n), conditioning.forBatch(x.shape()[0]));
        return parameterization.denoised(x, new Latent(out), n);
    }

    private static Tensor timestep(NoiseLevel n) {
        return Tensor.create((float) n.timestep());
    }

    /** Guidance of outputs, which equals that of denoised latents: at one point these are the same affine map of those. */
    private record Guided(
            Backbone network,
            Parameterization parameterization,
            Conditioning conditional,
            Conditioning unconditional,
            double scale)
            implements Denoiser {

        @Override
        public Latent denoise(Latent x, NoiseLevel n) {
            long images = x.shape()[0];
            Tensor out = network.predict(
                    Latent.joinBatch(List.of(x, x)).tensor(),
                    timestep(n),
                    unconditional.forBatch(images).join(conditional.forBatch(images)));
            Latent withoutPrompt = new Latent(out.narrow(0, 0, images));
            Latent withPrompt = new Latent(out.narrow(0, images, images));
            return parameterization.denoised(x, ClassifierFreeGuidance.guided(withPrompt, withoutPrompt, scale), n);
        }
    }
}
