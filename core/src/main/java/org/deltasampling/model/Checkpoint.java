package org.deltasampling.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.t5.T5Encoder;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.SafetensorsFile;
import org.deltasampling.weights.ShardedFiles;
import org.deltasampling.weights.WeightCheck;
import org.deltasampling.weights.WeightSource;
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

    private static final String UNET = "unet";
    private static final String TRANSFORMER = "transformer";

    /** The name of T5 among the {@link #parts}. */
    public static final String T5 = "text_encoder_3";

    private final Path path;
    private final OtherFiles others;
    private final List<Path> files = new ArrayList<>();
    private final List<AutoCloseable> open = new ArrayList<>();
    private WeightCheck rest = WeightCheck.NONE;
    private @Nullable Part<UNet.Config> unet;
    private @Nullable Part<MMDiT.Config> transformer;
    private @Nullable Part<AutoencoderKl.Config> vae;
    private final List<Part<ClipText.Config>> texts = new ArrayList<>();
    private @Nullable Part<T5Encoder.Config> t5;
    private @Nullable Path t5Tokenizer;
    private @Nullable JsonNode scheduler;
    private int sampleSize;
    private boolean silentWithoutNegative;

    private Checkpoint(Path path, OtherFiles others) {
        this.path = path;
        this.others = others;
    }

    /**
     * Opens a model and checks that each part is complete.
     *
     * @throws BadWeightsException saying what the file is, or all that is missing, unused or misshapen
     */
    public static Checkpoint open(Path path) {
        return open(path, OtherFiles.NONE);
    }

    /**
     * The same with files that stand in for the model's own.
     *
     * @throws BadWeightsException also if they do not fit the model
     */
    public static Checkpoint open(Path path, OtherFiles others) {
        Checkpoint checkpoint = read(path, others);
        if (!checkpoint.check().passed()) {
            checkpoint.close();
            throw new BadWeightsException(checkpoint.check().message(path));
        }
        return checkpoint;
    }

    /**
     * Opens a model without refusing weights that are missing, unused or misshapen: see {@link #check}.
     *
     * @throws BadWeightsException if it is no model of a known family
     */
    public static Checkpoint read(Path path) {
        return read(path, OtherFiles.NONE);
    }

    private static Checkpoint read(Path path, OtherFiles others) {
        Checkpoint checkpoint = new Checkpoint(path, others);
        try {
            if (Files.isDirectory(path)) {
                checkpoint.readFolder(new DiffusersFolder(path));
            } else {
                checkpoint.readFile();
            }
            checkpoint.readOthers();
            checkpoint.requireItsLatents();
            checkpoint.requireItsTexts();
            return checkpoint;
        } catch (BadWeightsException e) {
            checkpoint.close();
            throw e;
        }
    }

    private void readFolder(DiffusersFolder folder) {
        folder.requireStableDiffusion();
        if (folder.has(TRANSFORMER)) {
            MMDiT.Config config = configured(folder, TRANSFORMER, MMDiT.Config::read);
            transformer = part(
                    weights(folder.weights(TRANSFORMER, "diffusion_pytorch_model")),
                    KeyTable.read("mmdit-diffusers"),
                    w -> config,
                    c -> p -> new MMDiT(c, p));
        } else {
            UNet.Config config = configured(folder, UNET, UNet.Config::read);
            unet = part(
                    weights(folder.weights(UNET, "diffusion_pytorch_model")),
                    KeyTable.read("unet-diffusers"),
                    w -> config,
                    c -> p -> new UNet(c, p));
        }
        requirePlain(network().config());
        if (others.vae() == null) {
            readVae(folder, "vae");
        }
        for (int i = 0; i < architecture().texts().size(); i++) {
            ClipText.Config textConfig = configured(folder, textEncoder(i), ClipText.Config::read);
            texts.add(part(
                    weights(folder.weights(textEncoder(i), "model")),
                    DiffusersFolder.textTable(textConfig),
                    w -> textConfig,
                    c -> p -> new ClipText(c, p)));
        }
        if (architecture().flows() && folder.has(T5)) {
            T5Encoder.Config t5Config = configured(folder, T5, T5Encoder.Config::read);
            t5 = part(
                    weights(folder.weights(T5, "model")),
                    KeyTable.read("t5-transformers"),
                    w -> t5Config,
                    c -> p -> new T5Encoder(c, p));
            Path tokenizer = path.resolve(numbered("tokenizer", 2));
            t5Tokenizer = Files.exists(tokenizer) ? tokenizer : null;
        }
        sampleSize = folder.config(networkName()).path("sample_size").asInt();
        silentWithoutNegative = folder.index()
                .path("force_zeros_for_empty_prompt")
                .asBoolean(architecture().isSilentWithoutNegative());
        scheduler = architecture().scheduler(DiffusersFolder.json(folder.file("scheduler", "scheduler_config.json")));
    }

    private void readVae(DiffusersFolder folder, String part) {
        AutoencoderKl.Config config = configured(folder, part, AutoencoderKl.Config::read);
        vae = part(
                weights(folder.weights(part, "diffusion_pytorch_model")),
                KeyTable.read("vae-diffusers"),
                w -> config,
                c -> p -> new AutoencoderKl(c, p));
    }

    private void readVae(WeightSource file, KeyTable table) {
        Architecture family = architecture();
        vae = part(
                file,
                table,
                w -> AutoencoderKl.Config.infer(w, family.latentScale(), family.latentShift()),
                c -> p -> new AutoencoderKl(c, p));
    }

    private void readOthers() {
        Path own = others.vae();
        if (own != null && Files.isDirectory(own)) {
            Path folder = Files.exists(own.resolve("config.json")) ? own : own.resolve("vae");
            readVae(
                    new DiffusersFolder(folder.resolveSibling("")),
                    folder.getFileName().toString());
        } else if (own != null) {
            WeightSource file = weights(own);
            Set<String> names = file.names();
            if (OriginalLayout.hasVae(names)) {
                readVae(file, OriginalLayout.vae(names));
            } else if (FileKind.of(names) != FileKind.VAE) {
                throw new BadWeightsException("%s is %s where an autoencoder (VAE) is wanted"
                        .formatted(own, FileKind.of(names).title()));
            } else if (names.stream().anyMatch(name -> name.startsWith("decoder.up_blocks."))) {
                readVae(file, KeyTable.read("vae-diffusers"));
            } else {
                WeightSource prefixed = OriginalLayout.asVae(file);
                readVae(prefixed, OriginalLayout.vae(prefixed.names()));
            }
        }
        Path tokenizer = others.t5Tokenizer();
        if (tokenizer != null && !Files.exists(tokenizer)) {
            throw new BadWeightsException("the T5 tokenizer %s does not exist".formatted(tokenizer));
        }
        t5Tokenizer = tokenizer == null ? t5Tokenizer : tokenizer;
    }

    /** An autoencoder of another family would be noticed only when the first step is over, or not at all. */
    private void requireItsLatents() {
        if (vae != null && vae.config().latentChannels() != network().config().inChannels()) {
            throw new BadWeightsException(
                    "%s cannot be used: its latents have %d channels where the network of %s reads %d; take an autoencoder of the same family"
                            .formatted(
                                    others.vae() == null ? "the autoencoder of " + path : others.vae(),
                                    vae.config().latentChannels(),
                                    path,
                                    network().config().inChannels()));
        }
    }

    /** The name of text encoder {@code index} among the {@link #parts}. */
    public static String textEncoder(int index) {
        return numbered("text_encoder", index);
    }

    /** diffusers' name of a part of which there may be several. */
    private static String numbered(String part, int index) {
        return index == 0 ? part : part + "_" + (index + 1);
    }

    private static <C> C configured(DiffusersFolder folder, String part, Function<JsonNode, C> read) {
        JsonNode config = folder.config(part);
        try {
            return read.apply(config);
        } catch (BadWeightsException e) {
            throw new BadWeightsException("%s: %s".formatted(folder.root(), e.getMessage()), e);
        }
    }

    private void readFile() {
        SafetensorsFile file = SafetensorsFile.open(path);
        keep(file, List.of(path));
        Set<String> names = file.names();
        FileKind kind = FileKind.of(names);
        switch (kind) {
            case CHECKPOINT -> readOriginal(file, names);
            case UNET -> {
                unet = part(file, KeyTable.read("unet-diffusers"), UNet.Config::infer, c -> p -> new UNet(c, p));
                scheduler = scheduler(file, architecture());
            }
            case TRANSFORMER -> {
                transformer =
                        part(file, KeyTable.read("mmdit-diffusers"), MMDiT.Config::infer, c -> p -> new MMDiT(c, p));
                scheduler = architecture().scheduler(false, false);
            }
            default -> throw new BadWeightsException("%s is %s: %s".formatted(path, kind.title(), kind.advice()));
        }
        requirePlain(network().config());
    }

    private void readOriginal(SafetensorsFile file, Set<String> names) {
        if (OriginalLayout.isMmdit(names)) {
            transformer = part(file, OriginalLayout.mmdit(names), MMDiT.Config::infer, c -> p -> new MMDiT(c, p));
        } else {
            unet = part(file, OriginalLayout.unet(names), UNet.Config::infer, c -> p -> new UNet(c, p));
        }
        Architecture family = architecture();
        if (OriginalLayout.hasVae(names) && others.vae() == null) {
            readVae(file, OriginalLayout.vae(names));
        }
        if (family.texts().stream().allMatch(text -> text.isIn(names))) {
            for (int i = 0; i < family.texts().size(); i++) {
                int index = i;
                texts.add(part(
                        file,
                        family.texts().get(i).table(names),
                        w -> family.textConfig(index, w),
                        c -> p -> new ClipText(c, p)));
            }
        }
        if (family.flows()) {
            readTextsBeside(family);
            readT5(file, names);
        }
        KeyTable beside = KeyTable.read("single-file");
        rest = new WeightCheck(
                List.of(),
                names.stream()
                        .filter(n -> !OriginalLayout.isPart(n) && !beside.knows(n))
                        .collect(Collectors.toList()),
                List.of());
        scheduler = family.flows() ? family.scheduler(false, false) : scheduler(file, family);
    }

    /** Stability publishes SD-3's text encoders as files of their own, for checkpoints without them. */
    private void readTextsBeside(Architecture family) {
        FilesBeside beside = new FilesBeside(path);
        Optional<Path> clipL = beside.weights("clip_l");
        Optional<Path> clipG = beside.weights("clip_g");
        if (texts.isEmpty() && clipL.isPresent() && clipG.isPresent()) {
            for (Path own : List.of(clipL.get(), clipG.get())) {
                int index = texts.size();
                texts.add(part(
                        weights(own),
                        family.texts().get(index).tableOfOwnFile(),
                        w -> family.textConfig(index, w),
                        c -> p -> new ClipText(c, p)));
            }
        }
    }

    private void readT5(SafetensorsFile file, Set<String> names) {
        FilesBeside beside = new FilesBeside(path);
        Optional<Path> own = beside.weights("t5xxl");
        if (OriginalLayout.hasT5(names)) {
            t5 = part(file, OriginalLayout.t5(), T5Encoder.Config::infer, c -> p -> new T5Encoder(c, p));
        } else if (own.isPresent()) {
            t5 = part(
                    weights(own.get()),
                    KeyTable.read("t5-transformers"),
                    T5Encoder.Config::infer,
                    c -> p -> new T5Encoder(c, p));
        }
        t5Tokenizer = beside.t5Tokenizer().orElse(null);
    }

    private JsonNode scheduler(SafetensorsFile file, Architecture family) {
        String said = file.metadata().getOrDefault("modelspec.prediction_type", "");
        Set<String> names = file.names();
        boolean velocity = family.predictsVelocity(unet().weights(), unet().config(), names, said);
        silentWithoutNegative = family.isSilentWithoutNegative();
        return family.scheduler(velocity, names.contains("ztsnr"));
    }

    /** Inpainting, depth and the like read more than the latent. */
    private void requirePlain(Backbone.Config c) {
        if (c.inChannels() != c.outChannels()) {
            throw new BadWeightsException(
                    ("%s is a variant whose network reads %d channels rather than %d (inpainting, depth, upscaling or editing):"
                                    + " give a plain text-to-image model")
                            .formatted(path, c.inChannels(), c.outChannels()));
        }
    }

    /** Text encoders of another model would be noticed only in the middle of the first step. */
    private void requireItsTexts() {
        if (texts.isEmpty()) {
            return;
        }
        Backbone.Config c = network().config();
        boolean flows = architecture().flows();
        long clip = texts.stream().mapToLong(text -> text.config().width()).sum();
        long width = flows && clip < c.contextWidth() ? c.contextWidth() : clip; // filled up
        if (t5 != null) {
            width = t5.config().width();
        }
        long pooled = texts.stream()
                .skip(flows ? 0 : texts.size() - 1)
                .mapToLong(text -> text.config().projection() == 0
                        ? text.config().width()
                        : text.config().projection())
                .sum();
        if (width != c.contextWidth() || (c.pooledWidth() > 0 && pooled != c.pooledWidth())) {
            throw new BadWeightsException(
                    ("%s cannot be used: its text is %d wide and %d pooled where its network reads %d and %d;"
                                    + " take all parts from the same model")
                            .formatted(path, width, pooled, c.contextWidth(), c.pooledWidth()));
        }
    }

    private <C> Part<C> part(
            WeightSource file,
            KeyTable table,
            Function<WeightSource, C> config,
            Function<C, Consumer<Parameters>> model) {
        WeightSource weights = named(() -> table.over(file));
        C read = named(() -> config.apply(weights));
        return new Part<>(weights, read, WeightCheck.of(weights, table, Parameters.declaredBy(model.apply(read))));
    }

    private <T> T named(Supplier<T> body) {
        try {
            return body.get();
        } catch (BadWeightsException e) {
            throw new BadWeightsException("%s cannot be used: %s".formatted(path, e.getMessage()), e);
        }
    }

    private WeightSource weights(Path file) {
        if (DiffusersFolder.isIndex(file.getFileName().toString())) {
            ShardedFiles shards = ShardedFiles.open(file);
            keep(shards, shards.paths());
            return shards;
        }
        SafetensorsFile one = SafetensorsFile.open(file);
        keep(one, List.of(file));
        return one;
    }

    private void keep(AutoCloseable source, List<Path> paths) {
        open.add(source);
        files.addAll(paths);
    }

    /** Where it lies. */
    public Path path() {
        return path;
    }

    /** The files that stand in for its own. */
    public OtherFiles others() {
        return others;
    }

    /** The files with its weights. */
    public List<Path> files() {
        return List.copyOf(files);
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
        wanted(texts.isEmpty() ? null : texts, needed == 1 ? "text encoder" : needed + " text encoders");
        return List.copyOf(texts);
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

    /** Whether it has all that a picture needs: UNet, autoencoder and text encoder. */
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

    /** What is missing, unused or misshapen in all parts together. */
    public WeightCheck check() {
        return parts().values().stream().map(Part::check).reduce(rest, (a, b) -> a.and(b));
    }

    /**
     * How it was trained and wants to be sampled, in the words of diffusers' {@code scheduler_config.json}; of a single file
     * only what is known of its family and found out from its weights.
     */
    public JsonNode scheduler() {
        return Objects.requireNonNull(scheduler);
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
    public boolean isSilentWithoutNegative() {
        return silentWithoutNegative;
    }

    /** How files in the original layout spell the weights of its denoising network. */
    public KeyTable inOriginalNames() {
        return transformer == null ? OriginalLayout.unet(unet().config()) : OriginalLayout.mmdit(transformer.config());
    }

    /** All its weights as a single file in the original layout holds them. */
    public WeightSource inOriginalLayout() {
        List<WeightSource> parts = new ArrayList<>();
        parts.add(inOriginalNames().spelled(network().weights()));
        parts.add(OriginalLayout.vae(vae().config()).spelled(vae().weights()));
        for (int i = 0; i < texts().size(); i++) {
            Part<ClipText.Config> text = texts.get(i);
            parts.add(OriginalLayout.text(architecture(), i, text.config().layers())
                    .spelled(text.weights()));
        }
        if (t5 != null) {
            parts.add(OriginalLayout.t5().spelled(t5.weights()));
        }
        return WeightSource.joined(parts);
    }

    /** Closes the files; tensors that were loaded stay valid. */
    @Override
    public void close() {
        for (AutoCloseable source : open) {
            try {
                source.close();
            } catch (Exception e) {
                throw new IllegalStateException(e); // our sources declare no exception
            }
        }
    }
}
