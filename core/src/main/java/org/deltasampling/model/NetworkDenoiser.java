package org.deltasampling.model;

import java.util.List;
import java.util.stream.IntStream;
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

    /**
     * Classifier-free guidance for the images of a batch: all in one pass, or where their prompts differ in length, each by
     * itself.
     *
     * @param network of the conditional prediction
     * @param unguided of the unconditional one: the same, or one with other adapters
     * @param conditional of each image
     * @param unconditional of each image
     */
    public static Denoiser guided(
            Backbone network,
            Backbone unguided,
            Parameterization parameterization,
            List<Conditioning> conditional,
            List<Conditioning> unconditional,
            double scale) {
        if (conditional.stream().allMatch(conditional.get(0)::fits)
                && unconditional.stream().allMatch(unconditional.get(0)::fits)) {
            return guided(network, unguided, parameterization, joined(conditional), joined(unconditional), scale);
        }
        List<Denoiser> each = IntStream.range(0, conditional.size())
                .mapToObj(i ->
                        guided(network, unguided, parameterization, conditional.get(i), unconditional.get(i), scale))
                .toList();
        return (x, n) -> {
            List<Latent> images = x.images();
            return Latent.joinBatch(IntStream.range(0, images.size())
                    .mapToObj(i -> each.get(i).denoise(images.get(i), n))
                    .toList());
        };
    }

    private static Conditioning joined(List<Conditioning> images) {
        return images.stream().reduce(Conditioning::join).orElseThrow();
    }

    /** Classifier-free guidance by {@code network}, the conditional and the unconditional output from one batch. */
    public static Denoiser guided(
            Backbone network,
            Parameterization parameterization,
            Conditioning conditional,
            Conditioning unconditional,
            double scale) {
        return guided(network, network, parameterization, conditional, unconditional, scale);
    }

    private static Denoiser guided(
            Backbone network,
            Backbone unguided,
            Parameterization parameterization,
            Conditioning conditional,
            Conditioning unconditional,
            double scale) {
        return network == unguided && conditional.fits(unconditional) && scale != 1 && scale != 0
                ? new Guided(network, parameterization, conditional, unconditional, scale)
                : new ClassifierFreeGuidance(
                        new NetworkDenoiser(network, parameterization, conditional),
                        new NetworkDenoiser(unguided, parameterization, unconditional),
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
