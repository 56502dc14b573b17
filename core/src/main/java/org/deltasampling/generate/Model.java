package org.deltasampling.generate;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.adapter.Adapter;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.generate.Recipe.Size;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.model.NetworkDenoiser;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.t5.T5Encoder;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Precision;
import org.deltasampling.text.ClipTokenizer;
import org.deltasampling.text.Encoded;
import org.deltasampling.text.T5Tokenizer;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightSource;
import org.jspecify.annotations.Nullable;

/**
 * One model as a role uses it: opened first, when all that it can do is known, then loaded. The precision is the denoising
 * network's and T5's, the large ones; the other texts and pictures, a small part of the time, are always computed in float32.
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

    private final Checkpoint checkpoint;
    private final Precision precision;
    private final Set<Path> files;
    private final SchedulerConfig scheduler;
    private final Map<String, ResidentWeights> weights = new LinkedHashMap<>();
    private final List<ClipText> texts = new ArrayList<>();
    private final List<ClipTokenizer> tokenizers = new ArrayList<>();
    private @Nullable Backbone network;
    private @Nullable T5Encoder t5;
    private @Nullable T5Tokenizer t5Tokenizer;
    private @Nullable ScaledAutoencoder autoencoder;

    private Model(
            Checkpoint checkpoint, Map<String, ? extends WeightSource> parts, Precision precision, Set<Path> files) {
        this.checkpoint = checkpoint;
        this.precision = precision;
        this.files = files;
        this.scheduler = SchedulerConfig.read(checkpoint.scheduler());
        Set<String> large = Set.of(checkpoint.networkName(), Checkpoint.T5);
        parts.forEach((part, source) ->
                weights.put(part, new ResidentWeights(source, large.contains(part) ? precision : Precision.FLOAT32)));
    }

    /** The model of {@code checkpoint}, which must outlive it. */
    static Model of(Checkpoint checkpoint, Precision precision) {
        Map<String, WeightSource> parts = new LinkedHashMap<>();
        checkpoint.requireWhole().parts().forEach((name, part) -> parts.put(name, part.weights()));
        return new Model(checkpoint, parts, precision, files(checkpoint));
    }

    /**
     * This model with changes by the names of its parts, which were read from {@code more}; what is unchanged stays in
     * memory once.
     */
    Model with(Map<String, Adapter> changes, List<Path> more) {
        Set<Path> all = new LinkedHashSet<>(files);
        all.addAll(more);
        Map<String, WeightSource> parts = new LinkedHashMap<>();
        weights.forEach((part, resident) ->
                parts.put(part, changes.getOrDefault(part, Adapter.NONE).weights(resident)));
        return new Model(checkpoint, parts, precision, all);
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
        int side = checkpoint.sampleSize(scheduler.parameterization())
                * (int) latentSpace().downscale();
        return new Size(side, side);
    }

    /** What the sides of its pictures must be divisible by, in pixels. */
    long divisor() {
        return latentSpace().downscale() * checkpoint.network().config().patch();
    }

    /** How a picture that starts from noise of that shape is sampled. */
    SchedulerConfig scheduler(long[] shape) {
        long patch = checkpoint.network().config().patch();
        return scheduler.at(shape[2] / patch * (shape[3] / patch));
    }

    /** All that it was read from: weights and adapters, and in a folder the configs and the tokenizer. */
    Set<Path> files() {
        return files;
    }

    private static Set<Path> files(Checkpoint checkpoint) {
        Set<Path> files = new LinkedHashSet<>(checkpoint.files());
        Path index = checkpoint.path().resolve("model_index.json");
        if (Files.exists(index)) {
            files.add(index);
        }
        FOLDERS.forEach(part -> files.addAll(inside(checkpoint.path().resolve(part))));
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

    /** Reads and converts the weights, those of the autoencoder only where pictures are wanted. Not to be in a region. */
    void load(boolean pictures, Generation.Listener listener) {
        if (network == null) {
            listener.loading(checkpoint.path());
            checkpoint.t5().ifPresent(part -> {
                t5Tokenizer = T5Tokenizer.of(checkpoint.t5Tokenizer());
                t5 = new T5Encoder(part.config(), parameters(Checkpoint.T5));
            });
            network = checkpoint.network().config().network(parameters(checkpoint.networkName()));
            for (Checkpoint.Part<ClipText.Config> text : checkpoint.texts()) {
                int index = texts.size();
                texts.add(new ClipText(text.config(), parameters(Checkpoint.textEncoder(index))));
                tokenizers.add(checkpoint
                        .tokenizer(index)
                        .map(ClipTokenizer::of)
                        .orElseGet(() ->
                                ClipTokenizer.openAi(checkpoint.architecture().pad(index))));
            }
        }
        if (pictures && autoencoder == null) {
            autoencoder =
                    new ScaledAutoencoder(new AutoencoderKl(checkpoint.vae().config(), parameters(VAE)));
        }
    }

    private Parameters parameters(String part) {
        return Parameters.from(Objects.requireNonNull(weights.get(part), part));
    }

    /**
     * Guidance by two prompts; what of them was cut is told to {@code warning}. Owned by the caller's region.
     *
     * @param negative null: none, which for some families is not the same as an empty one
     * @param picture the size of the picture
     */
    Denoiser guided(String prompt, @Nullable String negative, Size picture, double scale, Consumer<String> warning) {
        Conditioning with = encode(prompt, picture, warning);
        boolean silent = negative == null && checkpoint.isSilentWithoutNegative();
        return NetworkDenoiser.guided(
                Objects.requireNonNull(network),
                scheduler.parameterization(),
                with,
                silent ? with.silent() : encode(negative == null ? "" : negative, picture, warning),
                scale);
    }

    private Conditioning encode(String prompt, Size picture, Consumer<String> warning) {
        List<ClipText.Output> said = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            Encoded encoded = tokenizers.get(i).encode(prompt);
            said.add(texts.get(i).encode(ids(encoded, warning)));
        }
        Architecture family = checkpoint.architecture();
        if (!family.flows()) {
            return family.told(said, picture.height(), picture.width());
        }
        return t5 == null || t5Tokenizer == null
                ? Architecture.toldWithoutT5(said, checkpoint.network().config().contextWidth())
                : Architecture.told(said, t5.encode(ids(t5Tokenizer.encode(prompt, Architecture.T5_TOKENS), warning)));
    }

    private static Tensor ids(Encoded encoded, Consumer<String> warning) {
        long[] ids = encoded.ids();
        if (!encoded.cut().isEmpty()) {
            warning.accept("the prompt has more than the %d tokens that the model reads; this was cut off: %s"
                    .formatted(ids.length, encoded.cut()));
        }
        return Tensor.create(ids, 1, ids.length);
    }

    /** Between its latents and pictures; to be loaded with pictures first. */
    ScaledAutoencoder autoencoder() {
        return Objects.requireNonNull(autoencoder);
    }

    @Override
    public void close() {
        weights.values().forEach(ResidentWeights::close);
    }
}
