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
 * decoder alone. The loss is the squared and absolute error of the image and a little of the KL divergence from a
 * standard normal.
 */
final class AutoencoderTraining {

    private static final int CROP_SIZE = 32;
    private static final int CROP_BATCH = 8;
    private static final int IMAGE_BATCH = 4;
    private static final int DECODER_BATCH = 8;
    private static final double KL_WEIGHT = 1e-4;

    /** Low: with as much noise as signal in the latents, little would be learned at first. */
    private static final double INITIAL_LOG_VARIANCE = -4;

    private final AutoencoderKl.Config config;

    AutoencoderTraining(AutoencoderKind kind) {
        config = kind.config();
    }

    /** The parameters of an autoencoder to be trained. */
    TrainableParameters initialised() {
        TrainableParameters model = TrainableParameters.initialised(p -> new AutoencoderKl(config, p));
        try (TensorScope scope = TensorScope.open()) {
            model.load(momentsLayer() + ".bias")
                    .narrow(0, config.latents().channels(), config.latents().channels())
                    .fill_(new Scalar(INITIAL_LOG_VARIANCE));
        }
        return model;
    }

    /** The layer whose output is the latents' means, then the logarithms of their variances. */
    private String momentsLayer() {
        return config.latents().quantConv() ? "quant_conv" : "encoder.conv_out";
    }

    /** The layer whose input is the latents. */
    private String latentsLayer() {
        return config.latents().postQuantConv() ? "post_quant_conv" : "decoder.conv_in";
    }

    /** Trains on crops. */
    void onCrops(TrainableParameters model, Images images, TrainingLoop loop) {
        AutoencoderKl autoencoder = new AutoencoderKl(config, model);
        loop.run(model, step -> loss(autoencoder, crop(images.random(CROP_BATCH))));
    }

    /** Trains on whole images: the statistics in the group norms are those of later use. */
    void onWholes(TrainableParameters model, Images images, TrainingLoop loop) {
        AutoencoderKl autoencoder = new AutoencoderKl(config, model);
        loop.run(model, step -> loss(autoencoder, images.random(IMAGE_BATCH)));
    }

    /** Declares the parameters of the decoder alone. */
    void declareDecoder(Parameters p) {
        new AutoencoderKl(config, (name, shape) -> isOfDecoder(name) ? p.get(name, shape) : torch.empty(shape));
    }

    /** Trains a decoder on the latents that the encoder of {@code weights} gives, without noise. */
    void onLatents(TrainableParameters decoder, WeightSource weights, Images images, TrainingLoop loop) {
        AutoencoderKl autoencoder = new AutoencoderKl(config, Parameters.from(withDecoder(weights, decoder)));
        try (Held latents = means(images, autoencoder)) {
            loop.run(decoder, step -> {
                Tensor places = torch.randint(images.count(), new long[] {DECODER_BATCH})
                        .to(torch.ScalarType.Long);
                Tensor latent = latents.tensor().index_select(0, places);
                return error(autoencoder.decode(new Latent(latent)).tensor(), images.at(places));
            });
        }
    }

    /** The autoencoder {@code weights} with another decoder. */
    static WeightSource withDecoder(WeightSource weights, TrainableParameters decoder) {
        Map<String, Tensor> all = new LinkedHashMap<>();
        weights.names().forEach(name -> {
            long[] shape = weights.info(name).shape();
            all.put(name, isOfDecoder(name) ? decoder.get(name, shape) : weights.load(name));
        });
        return WeightSources.of(all);
    }

    private static boolean isOfDecoder(String name) {
        return name.startsWith("post_quant_conv.") || name.startsWith("decoder.");
    }

    private static Held means(Images images, AutoencoderKl autoencoder) {
        try (TensorScope scope = TensorScope.open()) {
            return Held.of(CaptionedLatents.means(images, autoencoder));
        }
    }

    /** A random crop, aligned to the autoencoder's grid of 8 pixels. */
    private static Tensor crop(Tensor image) {
        long places = (Drawing.SIZE - CROP_SIZE) / 8 + 1;
        Tensor corner = torch.randint(places, new long[] {2});
        long row = 8 * corner.select(0, 0).item_long();
        long column = 8 * corner.select(0, 1).item_long();
        return image.narrow(2, row, CROP_SIZE).narrow(3, column, CROP_SIZE).contiguous(torch.MemoryFormat.ChannelsLast);
    }

    /**
     * Changes the encoder so that each latent channel of {@code images} has mean 0 and variance 1 in scaled units, as the
     * noise has, and the decoder so that it still gives the same images: exactly, but for the zero padding of a first layer
     * that has one.
     */
    void normalise(TrainableParameters model, Images images) {
        long count = config.latents().channels();
        try (TensorScope scope = TensorScope.open()) {
            Tensor channels = CaptionedLatents.means(images, new AutoencoderKl(config, model))
                    .transpose(0, 1)
                    .flatten(1, 3); // (channels, all)
            Tensor mean = channels.mean(1);
            Tensor deviation = channels.sub(mean.view(-1, 1)).square().mean(1).sqrt();
            Tensor factor = deviation.mul(new Scalar(config.latents().scale())).reciprocal();
            Tensor offset =
                    mean.mul(factor).neg().add(new Scalar(config.latents().shift())); // new = factor old + offset
            Tensor weight = model.load(momentsLayer() + ".weight");
            Tensor bias = model.load(momentsLayer() + ".bias");
            weight.narrow(0, 0, count).mul_(factor.view(-1, 1, 1, 1));
            bias.narrow(0, 0, count).mul_(factor).add_(offset);
            bias.narrow(0, count, count).add_(factor.log().mul(new Scalar(2)));
            Tensor inverse = model.load(latentsLayer() + ".weight");
            inverse.div_(factor.view(1, -1, 1, 1));
            model.load(latentsLayer() + ".bias")
                    .sub_(inverse.mul(offset.view(1, -1, 1, 1)).sum(new long[] {1, 2, 3}));
        }
    }

    private static Tensor loss(AutoencoderKl autoencoder, Tensor image) {
        AutoencoderKl.Moments moments = autoencoder.encode(new ImageTensor(image));
        Tensor deviation = moments.logVariance().mul(new Scalar(0.5)).exp();
        Tensor mean = moments.mean().tensor();
        Tensor latent = mean.add(deviation.mul(torch.randn_like(deviation)));
        Tensor divergence = mean.square()
                .add(moments.logVariance().exp())
                .sub(moments.logVariance())
                .sub(new Scalar(1))
                .mean()
                .mul(new Scalar(0.5 * KL_WEIGHT));
        return error(autoencoder.decode(new Latent(latent)).tensor(), image).add(divergence);
    }

    private static Tensor error(Tensor decoded, Tensor image) {
        Tensor error = decoded.sub(image);
        return error.square().mean().add(error.abs().mean());
    }
}
