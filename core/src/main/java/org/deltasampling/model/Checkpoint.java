package org.deltasampling.model;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.t5.T5Encoder;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.WeightCheck;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;
import org.jspecify.annotations.Nullable;

/**
 * A model on disk: a diffusers folder, or one .safetensors file in the original layout, or a UNet or transformer alone under
 * diffusers' names. Nothing is loaded; the parts are weights under canonical names with their configs, and the files stay open until
 * {@link #close}.
 */
public final class Checkpoint implements AutoCloseable {

    /**
     * One network of a model.
     *
     * @param weights under canonical names
     * @param check whether they are just what a model of that config needs
     */
    public record Part<C>(WeightSource weights, C config, WeightCheck check) {}

    static final String UNET = "unet";
    static final String TRANSFORMER = "transformer";

    /** The name of T5 among the {@link #parts}. */
    public static final String T5 = "text_encoder_3";

    private final Path path;
    private final ModelOverrides others;
    private final OpenFiles files;
    private final WeightCheck rest;
    private final @Nullable Part<UNet.Config> unet;
    private final @Nullable Part<MMDiT.Config> transformer;
    private final @Nullable Part<AutoencoderKl.Config> vae;
    private final List<Part<ClipText.Config>> texts;
    private final @Nullable Part<T5Encoder.Config> t5;
    private final @Nullable Path t5Tokenizer;
    private final SchedulerConfig scheduler;
    private final int sampleSize;
    private final boolean zeroForEmptyNegative;

    private Checkpoint(CheckpointReader read) {
        path = read.path;
        others = read.others;
        files = read.files;
        rest = read.rest;
        unet = read.unet;
        transformer = read.transformer;
        vae = read.vae;
        texts = List.copyOf(read.texts);
        t5 = read.t5;
        t5Tokenizer = read.t5Tokenizer;
        scheduler = Objects.requireNonNull(read.scheduler);
        sampleSize = read.sampleSize;
        zeroForEmptyNegative = read.zeroForEmptyNegative;
    }

    /**
     * Opens a model and checks that each part is complete.
     *
     * @throws BadWeightsException saying what the file is, or all that is missing, unused or shapeMismatches
     */
    public static Checkpoint open(Path path) {
        return open(path, ModelOverrides.NONE);
    }

    /**
     * The same with files that stand in for the model's own.
     *
     * @throws BadWeightsException also if they do not fit the model
     */
    public static Checkpoint open(Path path, ModelOverrides others) {
        Checkpoint checkpoint = read(path, others);
        if (!checkpoint.check().passed()) {
            checkpoint.close();
            throw new BadWeightsException(checkpoint.check().message(path));
        }
        return checkpoint;
    }

    /**
     * Opens a model without refusing weights that are missing, unused or shapeMismatches: see {@link #check}.
     *
     * @throws BadWeightsException if it is no model of a known family
     */
    public static Checkpoint read(Path path) {
        return read(path, ModelOverrides.NONE);
    }

    private static Checkpoint read(Path path, ModelOverrides others) {
        return new Checkpoint(CheckpointReader.read(path, others));
    }

    /** The name of text encoder {@code index} among the {@link #parts}. */
    public static String textEncoder(int index) {
        return numbered("text_encoder", index);
    }

    /** diffusers' name of a part of which there may be several. */
    static String numbered(String part, int index) {
        return index == 0 ? part : part + "_" + (index + 1);
    }

    /** Where it lies. */
    public Path path() {
        return path;
    }

    /** The files that stand in for its own. */
    public ModelOverrides others() {
        return others;
    }

    /** The files with its weights. */
    public List<Path> files() {
        return files.paths();
    }

    /** Its family. */
    public Architecture architecture() {
        return Architecture.of(network().config());
    }

    /** The denoising network, be it a UNet or a transformer. */
    public Part<? extends Backbone.Config> network() {
        return transformer != null ? transformer : unet();
    }

    /** Its name among the {@link #parts}. */
    public String networkName() {
        return transformer != null ? TRANSFORMER : UNET;
    }

    /** SD-3's third text encoder, where the model has it. */
    public Optional<Part<T5Encoder.Config>> t5() {
        return Optional.ofNullable(t5);
    }

    /**
     * The tokenizer of {@link #t5}: a folder or a file.
     *
     * @throws BadWeightsException saying which file is wanted if there is none
     */
    public Path t5Tokenizer() {
        if (t5Tokenizer == null) {
            throw new BadWeightsException(
                    ("%s has a T5 text encoder and no tokenizer for it: put the tokenizer.json or the spiece.model of"
                                    + " google/t5-v1_1-xxl beside it, in a folder tokenizer_3, or name it with --t5-tokenizer")
                            .formatted(path));
        }
        return t5Tokenizer;
    }

    /** The denoising network of the families that have a UNet. */
    public Part<UNet.Config> unet() {
        return wanted(unet, "UNet");
    }

    /** The autoencoder; throws {@link BadWeightsException} if the file has none. */
    public Part<AutoencoderKl.Config> vae() {
        return wanted(vae, "autoencoder (VAE)");
    }

    /** The first text encoder; throws {@link BadWeightsException} if the file has not all that it needs. */
    public Part<ClipText.Config> text() {
        return texts().get(0);
    }

    /** The text encoders; throws {@link BadWeightsException} if the file has not all that it needs. */
    public List<Part<ClipText.Config>> texts() {
        int needed = architecture().texts().size();
        return wanted(texts.isEmpty() ? null : texts, needed == 1 ? "text encoder" : needed + " text encoders");
    }

    private <T> T wanted(@Nullable T part, String name) {
        if (part == null) {
            throw new BadWeightsException(
                    "%s has no %s: give a whole model, a diffusers folder or a checkpoint that holds the denoising network, the autoencoder and the text encoders"
                            .formatted(path, name));
        }
        return part;
    }

    /** The parts that are there, by diffusers' names of them. */
    public Map<String, Part<?>> parts() {
        Map<String, Part<?>> parts = new LinkedHashMap<>();
        parts.put(networkName(), network());
        if (vae != null) {
            parts.put("vae", vae);
        }
        for (int i = 0; i < texts.size(); i++) {
            parts.put(textEncoder(i), texts.get(i));
        }
        if (t5 != null) {
            parts.put(T5, t5);
        }
        return parts;
    }

    /** Whether it has all that an image needs: UNet, autoencoder and text encoder. */
    public boolean whole() {
        return vae != null && !texts.isEmpty();
    }

    /**
     * Itself, if it is {@link #whole}.
     *
     * @throws BadWeightsException naming what it lacks otherwise
     */
    public Checkpoint requireWhole() {
        network();
        vae();
        texts();
        return this;
    }

    /** What is missing, unused or shapeMismatches in all parts together. */
    public WeightCheck check() {
        return parts().values().stream().map(Part::check).reduce(rest, (a, b) -> a.and(b));
    }

    /**
     * How it was trained and wants to be sampled; of a single file only what is said beside it, known of its family and
     * found out from its weights.
     */
    public SchedulerConfig scheduler() {
        return scheduler;
    }

    /** Width and height of the latents that it was trained on, as its folder says, else as its family's were. */
    public int sampleSize(Parameterization predicts) {
        return sampleSize > 0 ? sampleSize : (int) architecture().side(predicts);
    }

    /**
     * The folder of its own tokenizer for text encoder {@code index}; without one it is CLIP's usual tokenizer, filled up
     * by {@link Architecture#pad}.
     */
    public Optional<Path> tokenizer(int index) {
        return Optional.of(path.resolve(numbered("tokenizer", index))).filter(Files::isDirectory);
    }

    /** Whether guidance without a negative prompt is away from zeros rather than from an empty text. */
    public boolean zeroForEmptyNegative() {
        return zeroForEmptyNegative;
    }

    /** How files in the original layout spell the weights of its denoising network. */
    public KeyTable inOriginalNames() {
        return transformer == null ? OriginalLayout.unet(unet().config()) : OriginalLayout.mmdit(transformer.config());
    }

    /** All its weights as a single file in the original layout holds them. */
    public WeightSource inOriginalLayout() {
        List<WeightSource> parts = new ArrayList<>();
        parts.add(inOriginalNames().inFileNames(network().weights()));
        parts.add(OriginalLayout.vae(vae().config()).inFileNames(vae().weights()));
        for (int i = 0; i < texts().size(); i++) {
            Part<ClipText.Config> text = texts.get(i);
            parts.add(OriginalLayout.text(architecture(), i, text.config().layers())
                    .inFileNames(text.weights()));
        }
        if (t5 != null) {
            parts.add(OriginalLayout.t5().inFileNames(t5.weights()));
        }
        return WeightSources.joined(parts);
    }

    /** Closes the files; tensors that were loaded stay valid. */
    @Override
    public void close() {
        files.close();
    }
}
