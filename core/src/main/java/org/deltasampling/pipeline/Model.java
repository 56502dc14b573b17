package org.deltasampling.pipeline;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.deltasampling.adapter.RoleAdapter;
import org.deltasampling.bridge.AutoencoderId;
import org.deltasampling.bridge.ScaledAutoencoder;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.file.FileStamps;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.model.NetworkDenoiser;
import org.deltasampling.model.OnDevice;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Precision;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;
import org.jspecify.annotations.Nullable;

/**
 * One model as a role uses it: opened first, when all that it can do is known, then loaded. The precision is that of the
 * denoising network; images, a small part of the time, are always computed in float32.
 */
final class Model implements AutoCloseable {

    private static final String VAE = "vae";

    /** Folders of a model that hold more than weights. */
    private static final List<String> FOLDERS = List.of(
            "unet",
            "transformer",
            VAE,
            "text_encoder",
            "text_encoder_2",
            "text_encoder_3",
            "scheduler",
            "tokenizer",
            "tokenizer_2",
            "tokenizer_3");

    /**
     * What of the checkpoint a role uses, and what adapters make of it.
     *
     * @param backbone wraps the denoising network
     */
    private record Parts(
            TextEncoders texts, WeightSource network, WeightSource autoencoder, UnaryOperator<Backbone> backbone) {}

    /** What it was read from, and what the user should know of that. */
    private record Origin(Set<Path> files, List<String> warnings) {}

    /** How its network computes, and where. */
    private record Computing(Precision precision, Device device) {}

    private final Checkpoint checkpoint;
    private final @Nullable Model base;
    private final Parts parts;
    private final Computing computing;
    private final Origin origin;
    private final FileStamps stamps;
    private final ResidentWeights networkWeights;
    private final ResidentWeights autoencoderWeights;
    private @Nullable Backbone network;
    private @Nullable ScaledAutoencoder autoencoder;

    private Model(Checkpoint checkpoint, @Nullable Model base, Parts parts, Computing computing, Origin origin) {
        this.checkpoint = checkpoint;
        this.base = base;
        this.parts = parts;
        this.computing = computing;
        this.origin = origin;
        this.stamps = FileStamps.of(origin.files);
        this.networkWeights = new ResidentWeights(WeightSources.on(parts.network, computing.device));
        this.autoencoderWeights = new ResidentWeights(WeightSources.on(parts.autoencoder, computing.device));
    }

    /** The model of {@code checkpoint}, which must outlive it. */
    static Model of(Checkpoint checkpoint, Precision precision, Device device) {
        checkpoint.requireWhole();
        return new Model(
                checkpoint,
                null,
                new Parts(
                        TextEncoders.of(checkpoint, precision, device),
                        WeightSources.in(checkpoint.network().weights(), precision),
                        WeightSources.in(checkpoint.vae().weights(), Precision.FLOAT32),
                        UnaryOperator.identity()),
                new Computing(precision, device),
                new Origin(files(checkpoint), List.of()));
    }

    /**
     * This model under {@code adapter}, which was read from {@code more}; what is unchanged stays in memory once.
     *
     * @param warnings what the user should know of these files
     */
    Model with(RoleAdapter adapter, List<Path> more, List<String> warnings) {
        Set<Path> all = new LinkedHashSet<>(origin.files);
        all.addAll(more);
        return new Model(
                checkpoint,
                this,
                new Parts(
                        parts.texts.with(adapter),
                        adapter.weightsOf(checkpoint.networkName()).weights(networkWeights),
                        adapter.weightsOf(VAE).weights(autoencoderWeights),
                        adapter.backbone()),
                computing,
                new Origin(all, warnings));
    }

    /** The name of its file or folder, for people. */
    String name() {
        return checkpoint.path().getFileName().toString();
    }

    Checkpoint checkpoint() {
        return checkpoint;
    }

    SchedulerConfig scheduler() {
        return checkpoint.scheduler();
    }

    LatentSpace latentSpace() {
        return checkpoint.vae().config().latentSpace();
    }

    AutoencoderKl.Config autoencoderConfig() {
        return checkpoint.vae().config();
    }

    AutoencoderId autoencoderId() {
        return AutoencoderId.of(checkpoint.vae());
    }

    /** Whether it is a rectified flow. */
    boolean isFlow() {
        return checkpoint.architecture().isFlow();
    }

    /** Of the images that it was trained on, as its files say, else as the published models of its kind were. */
    PixelSize size() {
        int side = checkpoint.sampleSize(scheduler().parameterization())
                * (int) latentSpace().downscale();
        return new PixelSize(side, side);
    }

    /** What the sides of its images must be divisible by, in pixels. */
    long divisor() {
        return latentSpace().downscale() * checkpoint.network().config().patch();
    }

    /** How an image that starts from noise of that shape is sampled. */
    SchedulerConfig scheduler(long[] shape) {
        long patch = checkpoint.network().config().patch();
        return scheduler().at(shape[2] / patch * (shape[3] / patch));
    }

    /** All that it was read from: weights and adapters, and in a folder the configs and the tokenizer. */
    Set<Path> files() {
        return origin.files;
    }

    /** What the user should know of these files, each in one sentence. */
    List<String> warnings() {
        return origin.warnings;
    }

    /** Whether all of them are as they were when it was opened. */
    boolean isCurrent() {
        return stamps.areCurrent();
    }

    /**
     * Does nothing if all of them are as they were when it was opened.
     *
     * @throws org.deltasampling.file.BadFileException naming the first that is not
     */
    void requireUnchanged() {
        stamps.requireUnchanged();
    }

    private static Set<Path> files(Checkpoint checkpoint) {
        Set<Path> files = new LinkedHashSet<>(checkpoint.files());
        Path index = checkpoint.path().resolve("model_index.json");
        if (Files.exists(index)) {
            files.add(index);
        }
        FOLDERS.forEach(part -> files.addAll(inside(checkpoint.path().resolve(part))));
        Path vae = checkpoint.overrides().vae();
        if (vae != null) {
            files.addAll(inside(vae));
            files.addAll(inside(vae.resolve(VAE)));
        }
        if (checkpoint.t5().isPresent()) {
            Path tokenizer = checkpoint.t5Tokenizer();
            files.addAll(Files.isDirectory(tokenizer) ? inside(tokenizer) : List.of(tokenizer));
        }
        return files;
    }

    private static List<Path> inside(Path folder) {
        List<Path> files = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, "*.{json,txt,model}")) {
                found.forEach(files::add);
            } catch (IOException e) {
                throw new BadWeightsException("%s cannot be read: %s".formatted(folder, e.getMessage()), e);
            }
        }
        return files;
    }

    /** What reads prompts for it; a model and one that adapts none of its text encoders have the same. */
    TextEncoders texts() {
        return parts.texts;
    }

    /** Whether the unconditional prediction without a negative prompt is that of zeros, not of an empty text. */
    boolean zeroForEmptyNegative() {
        return checkpoint.zeroForEmptyNegative();
    }

    /**
     * Reads and converts the weights of the denoising network, if that has not been done.
     *
     * @param loading is told where the model lies, before anything is read
     */
    void load(Consumer<Path> loading) {
        if (network == null) {
            loading.accept(checkpoint.path());
            network = parts.backbone.apply(checkpoint.network().config().network(Parameters.from(networkWeights)));
        }
    }

    /** Releases the denoising network, which {@link #load} reads again. */
    void release() {
        network = null;
        networkWeights.release();
    }

    /** Releases all weights; they are read again when they are wanted. */
    void releaseAll() {
        release();
        autoencoder = null;
        autoencoderWeights.release();
    }

    /** What its weights in memory take there, without those that it shares with its {@link #base}, in bytes. */
    long residentBytes() {
        return device().gpu()
                ? 0
                : (network == null ? 0 : networkWeights.bytes())
                        + (autoencoder == null ? 0 : autoencoderWeights.bytes());
    }

    /** Where its networks compute. */
    Device device() {
        return computing.device;
    }

    /** The model that it adapts, whose unchanged weights it shares. */
    Optional<Model> base() {
        return Optional.ofNullable(base);
    }

    /** Its denoising network, without the weights that it shares with its {@link #base}. */
    MemoryPlan.Part networkInMemory() {
        return new MemoryPlan.Part(
                (base == null ? "network of " : "changed network of ") + name(), networkWeights.bytes());
    }

    /** What the activations of its denoising network take for one latent of that shape, in bytes. */
    long networkWorking(long[] latents) {
        return checkpoint.network().config().working(latents[2], latents[3]) * computing.precision.bytes();
    }

    /** What is in memory to decode latents of that shape, all at once. */
    List<MemoryPlan.Part> decodingInMemory(long[] latents) {
        long side = latentSpace().downscale();
        long numbers = latents[0] * checkpoint.vae().config().decoding(latents[2] * side, latents[3] * side);
        return List.of(
                new MemoryPlan.Part("autoencoder", autoencoderWeights.bytes()),
                new MemoryPlan.Part("activations of the autoencoder", numbers * Precision.FLOAT32.bytes()));
    }

    /**
     * Classifier-free guidance from {@code unconditional} to {@code conditional}, for each image; the model is loaded.
     *
     * @param onConditional wraps the network of the conditional prediction
     * @param onUnconditional wraps that of the unconditional one; the same object where both are wrapped alike
     */
    Denoiser guided(
            List<Conditioning> conditional,
            List<Conditioning> unconditional,
            double scale,
            UnaryOperator<Backbone> onConditional,
            UnaryOperator<Backbone> onUnconditional) {
        Backbone own = Objects.requireNonNull(network);
        Backbone wrapped = onDevice(onConditional.apply(own));
        return NetworkDenoiser.guided(
                wrapped,
                onConditional == onUnconditional ? wrapped : onDevice(onUnconditional.apply(own)),
                scheduler().parameterization(),
                conditional,
                unconditional,
                scale);
    }

    private Backbone onDevice(Backbone own) {
        return device().gpu() ? new OnDevice(own, device()) : own;
    }

    /** Between its latents and images; read when it is first wanted. */
    ScaledAutoencoder autoencoder() {
        if (autoencoder == null) {
            autoencoder = new ScaledAutoencoder(
                    new AutoencoderKl(autoencoderConfig(), Parameters.from(autoencoderWeights)), device());
        }
        return autoencoder;
    }

    /**
     * Whether its latents are the other model's; where its {@link AutoencoderId} does not tell, both encode an image.
     *
     * @param image a size that both can encode
     */
    boolean sharesAutoencoder(Model other, PixelSize image) {
        return latentSpace().equals(other.latentSpace())
                && (checkpoint == other.checkpoint
                        || autoencoderId().isSame(other.autoencoderId())
                        || autoencoder().agreesWith(other.autoencoder(), image));
    }

    @Override
    public void close() {
        networkWeights.close();
        autoencoderWeights.close();
    }
}
