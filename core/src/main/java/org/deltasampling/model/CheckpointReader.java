package org.deltasampling.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.model.Checkpoint.Part;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.t5.T5Encoder;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.WeightCheck;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSource;
import org.jspecify.annotations.Nullable;

/**
 * Finds the parts of a model in a diffusers folder, or in a file and those beside it, and refuses parts that are of unlike
 * models. What it found becomes a {@link Checkpoint}.
 */
final class CheckpointReader {

    private static final String UNET = Checkpoint.UNET;
    private static final String TRANSFORMER = Checkpoint.TRANSFORMER;
    private static final String T5 = Checkpoint.T5;

    /** How the names of a folder's files with networks and autoencoders begin. */
    private static final String DIFFUSION = "diffusion_pytorch_model";

    /** The same of text encoders. */
    private static final String TEXT = "model";

    final Path path;
    final ModelOverrides others;
    final OpenFiles files = new OpenFiles();
    WeightCheck rest = WeightCheck.NONE;

    @Nullable
    Part<UNet.Config> unet;

    @Nullable
    Part<MMDiT.Config> transformer;

    @Nullable
    Part<AutoencoderKl.Config> vae;

    final List<Part<ClipText.Config>> texts = new ArrayList<>();

    @Nullable
    Part<T5Encoder.Config> t5;

    @Nullable
    Path t5Tokenizer;

    @Nullable
    SchedulerConfig scheduler;

    int sampleSize;
    boolean zeroForEmptyNegative;

    private CheckpointReader(Path path, ModelOverrides others) {
        this.path = path;
        this.others = others;
    }

    /** What is at {@code path}; where it is refused, its files are closed again. */
    static CheckpointReader read(Path path, ModelOverrides others) {
        CheckpointReader reader = new CheckpointReader(path, others);
        try {
            if (Files.isDirectory(path)) {
                reader.readFolder(new DiffusersFolder(path));
            } else {
                reader.readFile();
            }
            reader.readOthers();
            reader.requireItsLatents();
            reader.requireItsTexts();
            return reader;
        } catch (BadWeightsException e) {
            reader.files.close();
            throw e;
        }
    }

    private void readFolder(DiffusersFolder folder) {
        folder.requireStableDiffusion();
        if (folder.has(TRANSFORMER)) {
            transformer = part(
                    folder,
                    TRANSFORMER,
                    DIFFUSION,
                    MMDiT.Config::read,
                    c -> KeyTable.read("mmdit-diffusers"),
                    MMDiT::new);
        } else {
            unet = part(folder, UNET, DIFFUSION, UNet.Config::read, c -> KeyTable.read("unet-diffusers"), UNet::new);
        }
        requirePlain(network().config());
        if (others.vae() == null) {
            readVae(folder, "vae");
        }
        for (int i = 0; i < architecture().texts().size(); i++) {
            texts.add(part(
                    folder,
                    Checkpoint.textEncoder(i),
                    TEXT,
                    ClipText.Config::read,
                    DiffusersFolder::textTable,
                    ClipText::new));
        }
        if (architecture().isFlow() && folder.has(T5)) {
            t5 = part(folder, T5, TEXT, T5Encoder.Config::read, c -> KeyTable.read("t5-transformers"), T5Encoder::new);
            Path tokenizer = path.resolve(Checkpoint.numbered("tokenizer", 2));
            t5Tokenizer = Files.exists(tokenizer) ? tokenizer : null;
        }
        sampleSize = folder.config(transformer != null ? TRANSFORMER : UNET)
                .path("sample_size")
                .asInt();
        zeroForEmptyNegative = folder.index()
                .path("force_zeros_for_empty_prompt")
                .asBoolean(architecture().zeroForEmptyNegative());
        scheduler = architecture()
                .scheduler(
                        SchedulerFile.read(folder.file("scheduler", "scheduler_config.json"), architecture(), others));
    }

    private void readVae(DiffusersFolder folder, String part) {
        vae = part(
                folder,
                part,
                DIFFUSION,
                AutoencoderKl.Config::read,
                c -> KeyTable.read("vae-diffusers"),
                AutoencoderKl::new);
    }

    private void readVae(WeightSource file, KeyTable table) {
        Architecture family = architecture();
        vae = part(
                file,
                table,
                w -> AutoencoderKl.Config.infer(w, family.latentScale(), family.latentShift()),
                AutoencoderKl::new);
    }

    private void readOthers() {
        Path own = others.vae();
        if (own != null && Files.isDirectory(own)) {
            Path folder = Files.exists(own.resolve("config.json")) ? own : own.resolve("vae");
            readVae(
                    new DiffusersFolder(folder.resolveSibling("")),
                    folder.getFileName().toString());
        } else if (own != null) {
            WeightSource file = files.weights(own);
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

    private void readFile() {
        WeightFile file = files.file(path);
        Set<String> names = file.names();
        FileKind kind = FileKind.of(names);
        switch (kind) {
            case CHECKPOINT -> readOriginal(file, names);
            case UNET -> {
                unet = part(file, KeyTable.read("unet-diffusers"), UNet.Config::infer, UNet::new);
                scheduler = scheduler(file, architecture());
            }
            case TRANSFORMER -> {
                transformer = part(file, KeyTable.read("mmdit-diffusers"), MMDiT.Config::infer, MMDiT::new);
                scheduler = flowScheduler(architecture());
            }
            default -> throw new BadWeightsException("%s is %s: %s".formatted(path, kind.title(), kind.advice()));
        }
        requirePlain(network().config());
    }

    private void readOriginal(WeightFile file, Set<String> names) {
        if (OriginalLayout.isMmdit(names)) {
            transformer = part(file, OriginalLayout.mmdit(names), MMDiT.Config::infer, MMDiT::new);
        } else {
            unet = part(file, OriginalLayout.unet(names), UNet.Config::infer, UNet::new);
        }
        Architecture family = architecture();
        if (OriginalLayout.hasVae(names) && others.vae() == null) {
            readVae(file, OriginalLayout.vae(names));
        }
        if (family.texts().stream().allMatch(text -> text.isIn(names))) {
            for (int i = 0; i < family.texts().size(); i++) {
                int index = i;
                texts.add(part(
                        file, family.texts().get(i).table(names), w -> family.textConfig(index, w), ClipText::new));
            }
        }
        if (family.isFlow()) {
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
        scheduler = family.isFlow() ? flowScheduler(family) : scheduler(file, family);
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
                        files.weights(own),
                        family.texts().get(index).tableOfOwnFile(),
                        w -> family.textConfig(index, w),
                        ClipText::new));
            }
        }
    }

    private void readT5(WeightFile file, Set<String> names) {
        FilesBeside beside = new FilesBeside(path);
        Optional<Path> own = beside.weights("t5xxl");
        if (OriginalLayout.hasT5(names)) {
            t5 = part(file, OriginalLayout.t5(), T5Encoder.Config::infer, T5Encoder::new);
        } else if (own.isPresent()) {
            t5 = part(
                    files.weights(own.get()),
                    KeyTable.read("t5-transformers"),
                    T5Encoder.Config::infer,
                    T5Encoder::new);
        }
        t5Tokenizer = beside.t5Tokenizer().orElse(null);
    }

    private SchedulerConfig flowScheduler(Architecture family) {
        requireNoScheduler();
        if (Boolean.TRUE.equals(others.zeroSnr())
                || (others.prediction() != null && others.prediction() != Parameterization.FLOW)) {
            throw new BadWeightsException(
                    "%s is a flow model, which has neither another prediction nor zero_snr: leave them out"
                            .formatted(path));
        }
        return family.scheduler(Parameterization.FLOW, false);
    }

    /** What is said beside the file comes before what its signs say. */
    private SchedulerConfig scheduler(WeightFile file, Architecture family) {
        requireNoScheduler();
        zeroForEmptyNegative = family.zeroForEmptyNegative();
        String said = file.metadata().getOrDefault("modelspec.prediction_type", "");
        Set<String> names = file.names();
        Part<UNet.Config> denoiser = Objects.requireNonNull(unet);
        boolean velocity = family.predictsVelocity(denoiser.weights(), denoiser.config(), names, said);
        Parameterization predicts = velocity ? Parameterization.V_PREDICTION : Parameterization.EPSILON;
        OriginalConfig beside = OriginalConfig.beside(path).orElse(null);
        if (beside != null) {
            files.alsoRead(beside.file());
            predicts = beside.prediction();
        }
        if (others.prediction() == Parameterization.FLOW) {
            throw new BadWeightsException("%s is not a flow model: give another prediction".formatted(path));
        }
        return family.scheduler(
                Objects.requireNonNullElse(others.prediction(), predicts),
                Objects.requireNonNullElse(others.zeroSnr(), names.contains("ztsnr")));
    }

    private void requireNoScheduler() {
        if (others.scheduler() != null) {
            throw new BadWeightsException(
                    ("%s is a single file, and scheduler: names the class of a folder's scheduler_config.json:"
                                    + " leave it out, and give the sampler instead")
                            .formatted(path));
        }
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
        boolean flows = architecture().isFlow();
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

    private Part<? extends Backbone.Config> network() {
        return transformer != null ? transformer : Objects.requireNonNull(unet);
    }

    private Architecture architecture() {
        return Architecture.of(network().config());
    }

    /** Of a folder: the part {@code name}, its weights in a file that begins with {@code stem}. */
    private <C> Part<C> part(
            DiffusersFolder folder,
            String name,
            String stem,
            Function<JsonNode, C> read,
            Function<C, KeyTable> table,
            BiConsumer<C, Parameters> network) {
        C config = configured(folder, name, read);
        return part(files.weights(folder.weights(name, stem)), table.apply(config), w -> config, network);
    }

    private static <C> C configured(DiffusersFolder folder, String part, Function<JsonNode, C> read) {
        JsonNode config = folder.config(part);
        try {
            return read.apply(config);
        } catch (BadWeightsException e) {
            throw new BadWeightsException("%s: %s".formatted(folder.root(), e.getMessage()), e);
        }
    }

    /** Of {@code file}: what {@code table} names. */
    private <C> Part<C> part(
            WeightSource file, KeyTable table, Function<WeightSource, C> config, BiConsumer<C, Parameters> network) {
        WeightSource weights = named(() -> table.over(file));
        C read = named(() -> config.apply(weights));
        return new Part<>(
                weights, read, WeightCheck.of(weights, table, Parameters.declaredBy(p -> network.accept(read, p))));
    }

    private <T> T named(Supplier<T> body) {
        try {
            return body.get();
        } catch (BadWeightsException e) {
            throw new BadWeightsException("%s cannot be used: %s".formatted(path, e.getMessage()), e);
        }
    }
}
