package org.deltasampling.model;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BiFunction;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.model.clip.ClipText;
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
 * A model on disk: a diffusers folder, or one file in the original layout, or a UNet or transformer alone under
 * diffusers' names. Nothing is loaded; the parts are weights under canonical names with their configs, and the files stay open until
 * {@link #close}.
 */
public final class Checkpoint implements AutoCloseable {

    /** The name of T5 among the {@link #parts}. */
    public static final String T5 = PartNames.T5;

    private final Path path;
    private final ModelOverrides overrides;
    private final ModelParts parts;
    private final SchedulerConfig scheduler;

    private Checkpoint(Path path, ModelOverrides overrides, ModelParts parts) {
        this.path = path;
        this.overrides = overrides;
        this.parts = parts;
        this.scheduler = Objects.requireNonNull(parts.scheduler);
    }

    /**
     * Opens a model and checks that each part is complete.
     *
     * @throws BadWeightsException saying what the file is, or all weights that are missing, unused or of another shape
     */
    public static Checkpoint open(Path path) {
        return open(path, ModelOverrides.NONE);
    }

    /**
     * The same with overrides.
     *
     * @throws BadWeightsException also if that does not fit the model
     */
    public static Checkpoint open(Path path, ModelOverrides overrides) {
        Checkpoint checkpoint = read(path, overrides);
        Optional<String> problem = checkpoint.problem();
        if (problem.isPresent()) {
            checkpoint.close();
            throw new BadWeightsException(problem.get());
        }
        return checkpoint;
    }

    /**
     * Opens a model without refusing weights that are missing, unused or of another shape: see {@link #check}.
     *
     * @throws BadWeightsException if it is not a model of a known family
     */
    public static Checkpoint read(Path path) {
        return read(path, ModelOverrides.NONE);
    }

    private static Checkpoint read(Path path, ModelOverrides overrides) {
        return new Checkpoint(path, overrides, CheckpointReader.read(path, overrides));
    }

    /** The name of text encoder {@code index} among the {@link #parts}. */
    public static String textEncoder(int index) {
        return PartNames.textEncoder(index);
    }

    /** Where it lies. */
    public Path path() {
        return path;
    }

    /** What takes the place of some of its files and settings. */
    public ModelOverrides overrides() {
        return overrides;
    }

    /** The files with its weights. */
    public List<Path> files() {
        return parts.files.paths();
    }

    /** Its family. */
    public Architecture architecture() {
        return parts.architecture();
    }

    /** The denoising network, be it a UNet or a transformer. */
    public ModelPart<? extends Backbone.Config> network() {
        return parts.network();
    }

    /** Its name among the {@link #parts}. */
    public String networkName() {
        return parts.transformer != null ? PartNames.TRANSFORMER : PartNames.UNET;
    }

    /** SD-3's third text encoder, where the model has it. */
    public Optional<ModelPart<T5Encoder.Config>> t5() {
        return Optional.ofNullable(parts.t5);
    }

    /**
     * The tokenizer of {@link #t5}: a folder or a file.
     *
     * @throws BadWeightsException saying which file is wanted if there is none
     */
    public Path t5Tokenizer() {
        if (parts.t5Tokenizer == null) {
            throw new BadWeightsException(
                    ("%s has a T5 text encoder and no tokenizer for it: put the tokenizer.json or the spiece.model of"
                                    + " google/t5-v1_1-xxl beside it, in a folder tokenizer_3, or name it by t5-tokenizer")
                            .formatted(path));
        }
        return parts.t5Tokenizer;
    }

    /** The denoising network of the families that have a UNet. */
    public ModelPart<UNet.Config> unet() {
        return needed(parts.unet, "no UNet");
    }

    /** The autoencoder; throws {@link BadWeightsException} if the model has none. */
    public ModelPart<AutoencoderKl.Config> vae() {
        return needed(parts.vae, "no autoencoder (VAE)");
    }

    /** The first text encoder; throws {@link BadWeightsException} if the model has not all that it needs. */
    public ModelPart<ClipText.Config> text() {
        return texts().get(0);
    }

    /** The text encoders; throws {@link BadWeightsException} if the model has not all that it needs. */
    public List<ModelPart<ClipText.Config>> texts() {
        int count = architecture().texts().size();
        String lack = parts.textsFound > 0
                ? "%d of its %d text encoders".formatted(parts.textsFound, count)
                : count == 1 ? "no text encoder" : "no text encoders";
        return needed(parts.texts.isEmpty() ? null : List.copyOf(parts.texts), lack);
    }

    private <T> T needed(@Nullable T part, String lack) {
        if (part == null) {
            throw new BadWeightsException(
                    "%s has %s: give a whole model, a diffusers folder or a checkpoint that holds the denoising network, the autoencoder and the text encoders"
                            .formatted(path, lack));
        }
        return part;
    }

    /** The parts that are there, by diffusers' names of them. */
    public Map<String, ModelPart<?>> parts() {
        Map<String, ModelPart<?>> all = new LinkedHashMap<>();
        all.put(networkName(), network());
        if (parts.vae != null) {
            all.put(PartNames.VAE, parts.vae);
        }
        for (int i = 0; i < parts.texts.size(); i++) {
            all.put(textEncoder(i), parts.texts.get(i));
        }
        if (parts.t5 != null) {
            all.put(T5, parts.t5);
        }
        return all;
    }

    /** Whether it has all that an image needs: denoising network, autoencoder and text encoders. */
    public boolean whole() {
        return parts.vae != null && !parts.texts.isEmpty();
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

    /** What is missing, unused or of another shape in all parts together. */
    public WeightCheck check() {
        return parts().values().stream().map(ModelPart::check).reduce(parts.rest, (a, b) -> a.and(b));
    }

    /** What is wrong with its weights, file by file, in one sentence; empty: nothing. */
    public Optional<String> problem() {
        Map<String, WeightCheck> byFile = new LinkedHashMap<>();
        parts().values().forEach(part -> byFile.merge(part.weights().origin(), part.check(), WeightCheck::and));
        byFile.merge(network().weights().origin(), parts.rest, WeightCheck::and);
        return byFile.entrySet().stream()
                .filter(file -> !file.getValue().passed())
                .map(file -> file.getValue().message(file.getKey()))
                .reduce((a, b) -> a + "; " + b);
    }

    /**
     * How it was trained and is to be sampled; for a single file that is known from its overrides, a config beside it, its
     * family and its weights.
     */
    public SchedulerConfig scheduler() {
        return scheduler;
    }

    /** Width and height of the latents that it was trained on: its folder's setting, else its family's. */
    public int sampleSize(Parameterization predicts) {
        return parts.sampleSize > 0 ? parts.sampleSize : (int) architecture().side(predicts);
    }

    /**
     * The folder of its own tokenizer for text encoder {@code index}; without one it is OpenAI's, padded by
     * {@link Architecture#pad}.
     */
    public Optional<Path> tokenizer(int index) {
        return Optional.of(path.resolve(PartNames.tokenizer(index))).filter(Files::isDirectory);
    }

    /** Whether guidance without a negative prompt is away from zeros rather than from an empty text. */
    public boolean zeroForEmptyNegative() {
        return parts.zeroForEmptyNegative;
    }

    /** How files in the original layout name the weights of its denoising network. */
    public KeyTable inOriginalNames() {
        return parts.transformer == null
                ? OriginalLayout.unet(unet().config())
                : OriginalLayout.mmdit(parts.transformer.config());
    }

    /** All its weights as a single file in the original layout holds them. */
    public WeightSource inOriginalLayout() {
        return inOriginalLayout((part, weights) -> weights);
    }

    /** The same with weights that were changed. */
    WeightSource inOriginalLayout(BiFunction<String, WeightSource, WeightSource> change) {
        List<WeightSource> all = new ArrayList<>();
        all.add(inOriginalNames()
                .inFileNames(change.apply(networkName(), network().weights())));
        all.add(OriginalLayout.vae(vae().config()).inFileNames(change.apply(PartNames.VAE, vae().weights())));
        for (int i = 0; i < texts().size(); i++) {
            ModelPart<ClipText.Config> text = texts().get(i);
            all.add(OriginalLayout.text(
                            architecture(), i, text.config().layers().count())
                    .inFileNames(change.apply(textEncoder(i), text.weights())));
        }
        t5().ifPresent(t5 -> all.add(OriginalLayout.t5().inFileNames(change.apply(T5, t5.weights()))));
        return WeightSources.joined(all);
    }

    /** Closes the files; tensors that were loaded stay valid. */
    @Override
    public void close() {
        parts.files.close();
    }
}
