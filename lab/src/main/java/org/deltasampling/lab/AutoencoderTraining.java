package org.deltasampling.lab;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.train.TrainableParameters;
import org.deltasampling.train.TrainingLoop;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;

/**
 * Trains the autoencoder on every style and all content: first on crops, which are cheap, then on whole images, then the
 * decoder alone. The loss is the squared and absolute error of the image and a little of the divergence from a unit
 * normal.
 */
final class AutoencoderTraining {

    private static final int CROP = 32;
    private static final int CROPS = 8;
    private static final int WHOLES = 4;
    private static final int DECODED = 8;
    private static final double DIVERGENCE = 1e-4;

    /** Where the logarithm of the latents' variances starts: with as much noise as signal, little would be learned at first. */
    private static final double QUIET = -4;

    private final AutoencoderKl.Config config;

    AutoencoderTraining(AutoencoderKind kind) {
        config = kind.config();
    }

    /** An autoencoder to be trained. */
    TrainableParameters initialised() {
        TrainableParameters model = TrainableParameters.initialised(p -> new AutoencoderKl(config, p));
        try (TensorScope scope = TensorScope.open()) {
            model.load(encoded() + ".bias")
                    .narrow(0, config.latents().channels(), config.latents().channels())
                    .fill_(new Scalar(QUIET));
        }
        return model;
    }

    /** The layer that gives the latents: their means, then the logarithms of their variances. */
    private String encoded() {
        return config.latents().quantConv() ? "quant_conv" : "encoder.conv_out";
    }

    /** The layer that takes the latents. */
    private String taken() {
        return config.latents().postQuantConv() ? "post_quant_conv" : "decoder.conv_in";
    }

    /** Trains on crops, which are cheap. */
    void onCrops(TrainableParameters model, Images images, TrainingLoop loop) {
        AutoencoderKl autoencoder = new AutoencoderKl(config, model);
        loop.run(model, step -> loss(autoencoder, crop(images.random(CROPS))));
    }

    /** Trains on whole images, whose statistics are those that the group norms will meet. */
    void onWholes(TrainableParameters model, Images images, TrainingLoop loop) {
        AutoencoderKl autoencoder = new AutoencoderKl(config, model);
        loop.run(model, step -> loss(autoencoder, images.random(WHOLES)));
    }

    /** Declares what turns latents into images, not what makes them. */
    void declareDecoder(Parameters p) {
        new AutoencoderKl(config, (name, shape) -> decodes(name) ? p.get(name, shape) : torch.empty(shape));
    }

    /** Trains a decoder on the latents that the encoder of {@code both} gives, without noise. */
    void onLatents(TrainableParameters decoder, WeightSource both, Images images, TrainingLoop loop) {
        AutoencoderKl autoencoder = new AutoencoderKl(config, Parameters.from(replaced(both, decoder)));
        try (Held latents = means(images, autoencoder)) {
            loop.run(decoder, step -> {
                Tensor places =
                        torch.randint(images.count(), new long[] {DECODED}).to(torch.ScalarType.Long);
                Tensor latent = latents.tensor().index_select(0, places);
                return error(autoencoder.decode(new Latent(latent)).tensor(), images.at(places));
            });
        }
    }

    /** The autoencoder {@code both} with another decoder. */
    static WeightSource replaced(WeightSource both, TrainableParameters decoder) {
        Map<String, Tensor> all = new LinkedHashMap<>();
        both.names().forEach(name -> {
            long[] shape = both.info(name).shape();
            all.put(name, decodes(name) ? decoder.get(name, shape) : both.load(name));
        });
        return WeightSources.of(all);
    }

    private static boolean decodes(String name) {
        return name.startsWith("post_quant_conv.") || name.startsWith("decoder.");
    }

    private static Held means(Images images, AutoencoderKl autoencoder) {
        try (TensorScope scope = TensorScope.open()) {
            return Held.of(Captioned.means(images, autoencoder));
        }
    }

    /** A random part, its corner on the autoencoder's grid of 8 pixels. */
    private static Tensor crop(Tensor image) {
        long places = (Drawing.SIZE - CROP) / 8 + 1;
        Tensor corner = torch.randint(places, new long[] {2});
        long row = 8 * corner.select(0, 0).item_long();
        long column = 8 * corner.select(0, 1).item_long();
        return image.narrow(2, row, CROP).narrow(3, column, CROP).contiguous(torch.MemoryFormat.ChannelsLast);
    }

    /**
     * Brings each latent channel of {@code images} in the models' units to mean 0 and variance 1, as the diffusion models'
     * noise has. The decoder takes it back; where its first layer sees the zeros around an image, all but exactly.
     */
    void normalise(TrainableParameters model, Images images) {
        long count = config.latents().channels();
        try (TensorScope scope = TensorScope.open()) {
            Tensor channels = Captioned.means(images, new AutoencoderKl(config, model))
                    .transpose(0, 1)
                    .flatten(1, 3); // (channels, all)
            Tensor mean = channels.mean(1);
            Tensor spread = channels.sub(mean.view(-1, 1)).square().mean(1).sqrt();
            Tensor factor = spread.mul(new Scalar(config.latents().scale())).reciprocal();
            Tensor offset =
                    mean.mul(factor).neg().add(new Scalar(config.latents().shift())); // new = factor old + offset
            Tensor into = model.load(encoded() + ".weight");
            Tensor intoBias = model.load(encoded() + ".bias");
            into.narrow(0, 0, count).mul_(factor.view(-1, 1, 1, 1));
            intoBias.narrow(0, 0, count).mul_(factor).add_(offset);
            intoBias.narrow(0, count, count).add_(factor.log().mul(new Scalar(2)));
            Tensor back = model.load(taken() + ".weight");
            back.div_(factor.view(1, -1, 1, 1));
            model.load(taken() + ".bias")
                    .sub_(back.mul(offset.view(1, -1, 1, 1)).sum(new long[] {1, 2, 3}));
        }
    }

    private static Tensor loss(AutoencoderKl autoencoder, Tensor image) {
        AutoencoderKl.Moments moments = autoencoder.encode(new ImageTensor(image));
        Tensor spread = moments.logVariance().mul(new Scalar(0.5)).exp();
        Tensor mean = moments.mean().tensor();
        Tensor latent = mean.add(spread.mul(torch.randn_like(spread)));
        Tensor divergence = mean.square()
                .add(moments.logVariance().exp())
                .sub(moments.logVariance())
                .sub(new Scalar(1))
                .mean()
                .mul(new Scalar(0.5 * DIVERGENCE));
        return error(autoencoder.decode(new Latent(latent)).tensor(), image).add(divergence);
    }

    private static Tensor error(Tensor decoded, Tensor image) {
        Tensor error = decoded.sub(image);
        return error.square().mean().add(error.abs().mean());
    }
}
