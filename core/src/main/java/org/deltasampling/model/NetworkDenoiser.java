package org.deltasampling.model;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.diffusion.ClassifierFreeGuidance;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.tensor.Latent;

/**
 * A network's best guess of the clean latent: its output, and what that output means.
 *
 * @param network takes points of its own coordinates and its own timesteps
 * @param meaning of its output
 * @param told what it is told besides; for one image it is told the same for each of a batch
 */
public record NetworkDenoiser(Backbone network, Parameterization meaning, Conditioning told) implements Denoiser {

    /** Classifier-free guidance by {@code network}, its guesses with and without the prompt from one batch. */
    public static Denoiser guided(
            Backbone network, Parameterization meaning, Conditioning with, Conditioning without, double scale) {
        return with.fits(without) && scale != 1 && scale != 0
                ? new Guided(network, meaning, with, without, scale)
                : new ClassifierFreeGuidance(
                        new NetworkDenoiser(network, meaning, with),
                        new NetworkDenoiser(network, meaning, without),
                        scale);
    }

    @Override
    public Latent denoise(Latent x, NoiseLevel n) {
        Tensor out = network.predict(x.tensor(), timestep(n), told.forBatch(x.shape()[0]));
        return meaning.denoised(x, new Latent(out), n);
    }

    private static Tensor timestep(NoiseLevel n) {
        return Tensor.create((float) n.timestep());
    }

    /** Guidance on outputs, which equals guidance on guesses: at one point these are the same affine map of those. */
    private record Guided(
            Backbone network, Parameterization meaning, Conditioning with, Conditioning without, double scale)
            implements Denoiser {

        @Override
        public Latent denoise(Latent x, NoiseLevel n) {
            long images = x.shape()[0];
            Tensor out = network.predict(
                    Latent.joinBatch(List.of(x, x)).tensor(),
                    timestep(n),
                    without.forBatch(images).join(with.forBatch(images)));
            Latent unguided = new Latent(out.narrow(0, 0, images));
            Latent prompted = new Latent(out.narrow(0, images, images));
            return meaning.denoised(x, ClassifierFreeGuidance.guided(prompted, unguided, scale), n);
        }
    }
}
