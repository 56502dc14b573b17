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

    private static final String UNET = "unet";
    private static final String VAE = "vae";

    /** Folders of a model that hold more than weights. */
    private static final List<String> FOLDERS =
            List.of(UNET, VAE, "text_encoder", "text_encoder_2", "scheduler", "tokenizer", "tokenizer_2");

    private final Checkpoint checkpoint;
    private final Precision precision;
    private final Set<Path> files;
    private final SchedulerConfig scheduler;
    private final Map<String, ResidentWeights> weights = new LinkedHashMap<>();
    private final List<ClipText> texts = new ArrayList<>();
    private final List<ClipTokenizer> tokenizers = new ArrayList<>();
    private @Nullable UNet unet;
    private @Nullable AutoencoderKl autoencoder;

    private Model(
            Checkpoint checkpoint, Map<String, ? extends WeightSource> parts, Precision precision, Set<Path> files) {
        this.checkpoint = checkpoint;
        this.precision = precision;
        this.files = files;
        this.scheduler = SchedulerConfig.read(checkpoint.scheduler());
        parts.forEach((part, source) ->
                weights.put(part, new ResidentWeights(source, part.equals(UNET) ? precision : Precision.FLOAT32)));
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
        for (String part : FOLDERS) {
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
            unet = new UNet(checkpoint.unet().config(), parameters(UNET));
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
            autoencoder = new AutoencoderKl(checkpoint.vae().config(), parameters(VAE));
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
                Objects.requireNonNull(unet),
                scheduler.parameterization(),
                with,
                silent ? with.silent() : encode(negative == null ? "" : negative, picture, warning),
                scale);
    }

    private Conditioning encode(String prompt, Size picture, Consumer<String> warning) {
        List<ClipText.Output> said = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            Encoded encoded = tokenizers.get(i).encode(prompt);
            long[] ids = encoded.ids();
            if (!encoded.cut().isEmpty()) {
                warning.accept("the prompt has more than the %d tokens that the model reads; this was cut off: %s"
                        .formatted(ids.length, encoded.cut()));
            }
            said.add(texts.get(i).encode(Tensor.create(ids, 1, ids.length)));
        }
        return checkpoint.architecture().told(said, picture.height(), picture.width());
    }

    /** The picture of {@code latents}, (1, 3, height, width), -1 to 1. */
    Tensor decode(Latent latents) {
        return Objects.requireNonNull(autoencoder)
                .decode(latentSpace().unscale(latents).tensor());
    }

    @Override
    public void close() {
        weights.values().forEach(ResidentWeights::close);
    }
}
