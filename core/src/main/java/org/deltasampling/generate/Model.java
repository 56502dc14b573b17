package org.deltasampling.generate;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.adapter.Adapter;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.generate.Recipe.Size;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.model.NetworkDenoiser;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.Precision;
import org.deltasampling.text.ClipTokenizer;
import org.deltasampling.text.Encoded;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightSource;
import org.jspecify.annotations.Nullable;

/**
 * One model as a role uses it: opened first, when all that it can do is known, then loaded. The precision is the denoising
 * network's; text and pictures, a small part of the time, are always computed in float32.
 */
final class Model implements AutoCloseable {

    private final Checkpoint checkpoint;
    private final Precision precision;
    private final Set<Path> files;
    private final SchedulerConfig scheduler;
    private final ResidentWeights unetWeights;
    private final ResidentWeights textWeights;
    private final ResidentWeights vaeWeights;
    private @Nullable UNet unet;
    private @Nullable ClipText text;
    private @Nullable ClipTokenizer tokenizer;
    private @Nullable AutoencoderKl autoencoder;

    private Model(Checkpoint checkpoint, WeightSource unet, WeightSource text, Precision precision, Set<Path> files) {
        this.checkpoint = checkpoint;
        this.precision = precision;
        this.files = files;
        this.scheduler = SchedulerConfig.read(checkpoint.scheduler());
        this.unetWeights = new ResidentWeights(unet, precision);
        this.textWeights = new ResidentWeights(text, Precision.FLOAT32);
        this.vaeWeights = new ResidentWeights(checkpoint.vae().weights(), Precision.FLOAT32);
    }

    /** The model of {@code checkpoint}, which must outlive it. */
    static Model of(Checkpoint checkpoint, Precision precision) {
        return new Model(
                checkpoint, checkpoint.unet().weights(), checkpoint.text().weights(), precision, files(checkpoint));
    }

    /** This model with two changes, which were read from {@code more}; what is unchanged stays in memory once. */
    Model with(Adapter ofUnet, Adapter ofText, List<Path> more) {
        Set<Path> all = new LinkedHashSet<>(files);
        all.addAll(more);
        return new Model(checkpoint, ofUnet.weights(unetWeights), ofText.weights(textWeights), precision, all);
    }

    Checkpoint checkpoint() {
        return checkpoint;
    }

    SchedulerConfig scheduler() {
        return scheduler;
    }

    LatentSpace latentSpace() {
        return checkpoint.vae().config().latentSpace();
    }

    /** Of the pictures that it was trained on, as its files say, else as the published models of its kind were. */
    Size size() {
        int published = scheduler.parameterization() == Parameterization.VELOCITY ? 96 : 64;
        int side =
                checkpoint.sampleSize().orElse(published) * (int) latentSpace().downscale();
        return new Size(side, side);
    }

    /** All that it was read from: weights and adapters, and in a folder the configs and the tokenizer. */
    Set<Path> files() {
        return files;
    }

    private static Set<Path> files(Checkpoint checkpoint) {
        Set<Path> files = new LinkedHashSet<>(checkpoint.files());
        for (String part : List.of("unet", "vae", "text_encoder", "scheduler", "tokenizer")) {
            Path folder = checkpoint.path().resolve(part);
            if (Files.isDirectory(folder)) {
                try (DirectoryStream<Path> beside = Files.newDirectoryStream(folder, "*.{json,txt}")) {
                    beside.forEach(files::add);
                } catch (IOException e) {
                    throw new BadWeightsException("%s cannot be read: %s".formatted(folder, e.getMessage()), e);
                }
            }
        }
        return files;
    }

    /** Reads and converts the weights, those of the autoencoder only where pictures are wanted. Not to be in a region. */
    void load(boolean pictures, Generation.Listener listener) {
        if (unet == null) {
            listener.loading(checkpoint.path());
            unet = new UNet(checkpoint.unet().config(), Parameters.from(unetWeights));
            text = new ClipText(checkpoint.text().config(), Parameters.from(textWeights));
            tokenizer = checkpoint.tokenizer().map(ClipTokenizer::of).orElseGet(this::usualTokenizer);
        }
        if (pictures && autoencoder == null) {
            autoencoder = new AutoencoderKl(checkpoint.vae().config(), Parameters.from(vaeWeights));
        }
    }

    private ClipTokenizer usualTokenizer() {
        return ClipTokenizer.openAi(checkpoint.architecture() == Architecture.SD2 ? "!" : "<|endoftext|>");
    }

    /** Guidance by two prompts; what of them was cut is told to {@code warning}. Owned by the caller's region. */
    Denoiser guided(String prompt, String negative, double scale, Consumer<String> warning) {
        return NetworkDenoiser.guided(
                Objects.requireNonNull(unet),
                scheduler.parameterization(),
                encode(prompt, warning),
                encode(negative, warning),
                scale);
    }

    private Conditioning encode(String prompt, Consumer<String> warning) {
        Encoded encoded = Objects.requireNonNull(tokenizer).encode(prompt);
        long[] ids = encoded.ids();
        if (!encoded.cut().isEmpty()) {
            warning.accept("the prompt has more than the %d tokens that the model reads; this was cut off: %s"
                    .formatted(ids.length, encoded.cut()));
        }
        return new Conditioning(Objects.requireNonNull(text)
                .encode(Tensor.create(ids, 1, ids.length))
                .last());
    }

    /** The picture of {@code latents}, (1, 3, height, width), -1 to 1. */
    Tensor decode(Latent latents) {
        return Objects.requireNonNull(autoencoder)
                .decode(latentSpace().unscale(latents).tensor());
    }

    @Override
    public void close() {
        unetWeights.close();
        textWeights.close();
        vaeWeights.close();
    }
}
