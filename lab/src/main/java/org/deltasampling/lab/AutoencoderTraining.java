package org.deltasampling.lab;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.WeightSource;

/**
 * Trains the autoencoder on every style and all content: first on crops, which are cheap, then on whole pictures, then the
 * decoder alone. The loss
 * is the squared and absolute error of the picture and a little of the divergence from a unit normal.
 */
final class AutoencoderTraining {

    private static final int CHANNELS = 4;

    static final AutoencoderKl.Config CONFIG =
            new AutoencoderKl.Config(3, CHANNELS, List.of(16L, 32L, 64L, 96L), 1, 8, true, true, true, 1, 0);

    private static final int CROP = 32;
    private static final int CROPS = 8;
    private static final int WHOLES = 4;
    private static final int DECODED = 8;
    private static final double DIVERGENCE = 1e-4;

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

    /** Declares what turns latents into pictures, not what makes them. */
    static void declareDecoder(Parameters p) {
        new AutoencoderKl(CONFIG, (name, shape) -> decodes(name) ? p.get(name, shape) : torch.empty(shape));
    }

    /** Trains a decoder on the latents that the encoder of {@code both} gives, without noise. */
    static void onLatents(Trainable decoder, WeightSource both, Pictures pictures, Loop loop) {
        AutoencoderKl autoencoder = new AutoencoderKl(CONFIG, Parameters.from(replaced(both, decoder)));
        try (Held latents = means(pictures, autoencoder)) {
            loop.run(decoder, step -> {
                Tensor places =
                        torch.randint(pictures.count(), new long[] {DECODED}).to(torch.ScalarType.Long);
                Tensor latent = latents.tensor().index_select(0, places);
                return error(autoencoder.decode(latent), pictures.at(places));
            });
        }
    }

    /** The autoencoder {@code both} with another decoder. */
    static WeightSource replaced(WeightSource both, Trainable decoder) {
        Map<String, Tensor> all = new LinkedHashMap<>();
        both.names().forEach(name -> {
            long[] shape = both.info(name).shape();
            all.put(name, decodes(name) ? decoder.get(name, shape) : both.load(name));
        });
        return WeightSource.of(all);
    }

    private static boolean decodes(String name) {
        return name.startsWith("post_quant_conv.") || name.startsWith("decoder.");
    }

    private static Held means(Pictures pictures, AutoencoderKl autoencoder) {
        try (TensorScope scope = TensorScope.open()) {
            return Held.of(Captioned.means(pictures, autoencoder));
        }
    }

    /** A random part, its corner on the autoencoder's grid of 8 pixels. */
    private static Tensor crop(Tensor picture) {
        long places = (Drawing.SIZE - CROP) / 8 + 1;
        Tensor corner = torch.randint(places, new long[] {2});
        long row = 8 * corner.select(0, 0).item_long();
        long column = 8 * corner.select(0, 1).item_long();
        return picture.narrow(2, row, CROP).narrow(3, column, CROP).contiguous(torch.MemoryFormat.ChannelsLast);
    }

    /** Brings each latent channel of {@code pictures} to mean 0 and variance 1, as the diffusion models' noise has. */
    static void normalise(Trainable model, Pictures pictures) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor channels = Captioned.means(pictures, new AutoencoderKl(CONFIG, model))
                    .transpose(0, 1)
                    .flatten(1, 3); // (channels, all)
            Tensor mean = channels.mean(1);
            Tensor spread = channels.sub(mean.view(-1, 1)).square().mean(1).sqrt();
            // the encoder's last layer gives the means, then the logarithms of the variances
            Tensor into = model.load("quant_conv.weight");
            Tensor intoBias = model.load("quant_conv.bias");
            into.narrow(0, 0, CHANNELS).div_(spread.view(-1, 1, 1, 1));
            intoBias.narrow(0, 0, CHANNELS).sub_(mean).div_(spread);
            intoBias.narrow(0, CHANNELS, CHANNELS).sub_(spread.log().mul(new Scalar(2)));
            Tensor back = model.load("post_quant_conv.weight");
            model.load("post_quant_conv.bias")
                    .add_(back.mul(mean.view(1, -1, 1, 1)).sum(new long[] {1, 2, 3}));
            back.mul_(spread.view(1, -1, 1, 1));
        }
    }

    private static Tensor loss(AutoencoderKl autoencoder, Tensor picture) {
        AutoencoderKl.Moments moments = autoencoder.encode(picture);
        Tensor spread = moments.logVariance().mul(new Scalar(0.5)).exp();
        Tensor latent = moments.mean().add(spread.mul(torch.randn_like(spread)));
        Tensor divergence = moments.mean()
                .square()
                .add(moments.logVariance().exp())
                .sub(moments.logVariance())
                .sub(new Scalar(1))
                .mean()
                .mul(new Scalar(0.5 * DIVERGENCE));
        return error(autoencoder.decode(latent), picture).add(divergence);
    }

    private static Tensor error(Tensor decoded, Tensor picture) {
        Tensor error = decoded.sub(picture);
        return error.square().mean().add(error.abs().mean());
    }
}
