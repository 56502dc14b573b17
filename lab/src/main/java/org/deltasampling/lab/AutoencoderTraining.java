package org.deltasampling.lab;

import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.vae.AutoencoderKl;

/**
 * Trains the autoencoder on every style and all content: first on crops, which are cheap, then on whole pictures. The loss
 * is the squared and absolute error of the picture and a little of the divergence from a unit normal.
 */
final class AutoencoderTraining {

    /** The structure; the scale of its latents is measured after training. */
    static final AutoencoderKl.Config CONFIG =
            new AutoencoderKl.Config(3, 4, List.of(16L, 32L, 64L, 96L), 1, 8, true, true, true, 1, 0);

    private static final int CROP = 32;
    private static final int CROPS = 8;
    private static final int WHOLES = 4;
    private static final double DIVERGENCE = 1e-3;

    private AutoencoderTraining() {}

    /** Trains on crops, which are cheap. */
    static void onCrops(Trainable model, Pictures pictures, Loop loop) {
        AutoencoderKl autoencoder = new AutoencoderKl(CONFIG, model);
        loop.run(model, step -> loss(autoencoder, crop(pictures.random(CROPS))));
    }

    /** Trains on whole pictures, whose statistics are those that the group norms will meet. */
    static void onWholes(Trainable model, Pictures pictures, Loop loop) {
        AutoencoderKl autoencoder = new AutoencoderKl(CONFIG, model);
        loop.run(model, step -> loss(autoencoder, pictures.random(WHOLES)));
    }

    /** A random part, its corner on the autoencoder's grid of 8 pixels. */
    private static Tensor crop(Tensor picture) {
        long places = (Drawing.SIZE - CROP) / 8 + 1;
        Tensor corner = torch.randint(places, new long[] {2});
        long row = 8 * corner.select(0, 0).item_long();
        long column = 8 * corner.select(0, 1).item_long();
        return picture.narrow(2, row, CROP).narrow(3, column, CROP).contiguous(torch.MemoryFormat.ChannelsLast);
    }

    /** The structure with the scale that brings the latents of {@code pictures} to unit variance. */
    static AutoencoderKl.Config scaled(Trainable model, Pictures pictures) {
        Tensor latents = Captioned.means(pictures, new AutoencoderKl(CONFIG, model));
        double scale = 1 / latents.std(true).item_double();
        return new AutoencoderKl.Config(
                CONFIG.imageChannels(),
                CONFIG.latentChannels(),
                CONFIG.channels(),
                CONFIG.resnets(),
                CONFIG.groups(),
                CONFIG.quantConv(),
                CONFIG.postQuantConv(),
                CONFIG.attention(),
                Math.round(scale * 1e5) / 1e5,
                0);
    }

    private static Tensor loss(AutoencoderKl autoencoder, Tensor picture) {
        AutoencoderKl.Moments moments = autoencoder.encode(picture);
        Tensor spread = moments.logVariance().mul(new Scalar(0.5)).exp();
        Tensor latent = moments.mean().add(spread.mul(torch.randn_like(spread)));
        Tensor error = autoencoder.decode(latent).sub(picture);
        Tensor divergence = moments.mean()
                .square()
                .add(moments.logVariance().exp())
                .sub(moments.logVariance())
                .sub(new Scalar(1))
                .mean()
                .mul(new Scalar(0.5 * DIVERGENCE));
        return error.square().mean().add(error.abs().mean()).add(divergence);
    }
}
