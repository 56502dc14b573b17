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
 * A model on disk: a diffusers folder, or one .safetensors file in the original layout, or a UNet alone under diffusers'
 * names. Nothing is loaded; the parts are weights under canonical names with their configs, and the files stay open until
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

    private final Path path;
    private final List<Path> files = new ArrayList<>();
    private final List<AutoCloseable> open = new ArrayList<>();
    private WeightCheck rest = WeightCheck.NONE;
    private @Nullable Part<UNet.Config> unet;
    private @Nullable Part<AutoencoderKl.Config> vae;
    private final List<Part<ClipText.Config>> texts = new ArrayList<>();
    private @Nullable JsonNode scheduler;
    private int sampleSize;
    private boolean silentWithoutNegative;

    private Checkpoint(Path path) {
        this.path = path;
    }

    /**
     * Opens a model and checks that each part is complete.
     *
     * @throws BadWeightsException saying what the file is, or all that is missing, unused or misshapen
     */
    public static Checkpoint open(Path path) {
        Checkpoint checkpoint = read(path);
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
        Checkpoint checkpoint = new Checkpoint(path);
        try {
            if (Files.isDirectory(path)) {
                checkpoint.readFolder(new DiffusersFolder(path));
            } else {
                checkpoint.readFile();
            }
            checkpoint.requireItsTexts();
            return checkpoint;
        } catch (BadWeightsException e) {
            checkpoint.close();
            throw e;
        }
    }

    private void readFolder(DiffusersFolder folder) {
        folder.requireStableDiffusion();
        UNet.Config unetConfig = configured(folder, "unet", UNet.Config::read);
        unet = part(
                weights(folder.weights("unet", "diffusion_pytorch_model")),
                KeyTable.read("unet-diffusers"),
                w -> unetConfig,
                c -> p -> new UNet(c, p));
        requirePlain(unetConfig);
        AutoencoderKl.Config vaeConfig = configured(folder, "vae", AutoencoderKl.Config::read);
        vae = part(
                weights(folder.weights("vae", "diffusion_pytorch_model")),
                KeyTable.read("vae-diffusers"),
                w -> vaeConfig,
                c -> p -> new AutoencoderKl(c, p));
        for (int i = 0; i < architecture().texts().size(); i++) {
            ClipText.Config textConfig = configured(folder, textEncoder(i), ClipText.Config::read);
            texts.add(part(
                    weights(folder.weights(textEncoder(i), "model")),
                    DiffusersFolder.textTable(textConfig),
                    w -> textConfig,
                    c -> p -> new ClipText(c, p)));
        }
        sampleSize = folder.config("unet").path("sample_size").asInt();
        silentWithoutNegative = folder.index()
                .path("force_zeros_for_empty_prompt")
                .asBoolean(architecture().isSilentWithoutNegative());
        scheduler = architecture().scheduler(DiffusersFolder.json(folder.file("scheduler", "scheduler_config.json")));
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
            default -> throw new BadWeightsException("%s is %s: %s".formatted(path, kind.title(), kind.advice()));
        }
        requirePlain(unet().config());
    }

    private void readOriginal(SafetensorsFile file, Set<String> names) {
        unet = part(file, OriginalLayout.unet(names), UNet.Config::infer, c -> p -> new UNet(c, p));
        Architecture family = architecture();
        if (OriginalLayout.hasVae(names)) {
            vae = part(
                    file,
                    OriginalLayout.vae(names),
                    w -> AutoencoderKl.Config.infer(w, family.latentScale(), 0),
                    c -> p -> new AutoencoderKl(c, p));
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
        KeyTable beside = KeyTable.read("single-file");
        rest = new WeightCheck(
                List.of(),
                names.stream()
                        .filter(n -> !OriginalLayout.isPart(n) && !beside.knows(n))
                        .collect(Collectors.toList()),
                List.of());
        scheduler = scheduler(file, family);
    }

    private JsonNode scheduler(SafetensorsFile file, Architecture family) {
        String said = file.metadata().getOrDefault("modelspec.prediction_type", "");
        Set<String> names = file.names();
        boolean velocity = family.predictsVelocity(unet().weights(), unet().config(), names, said);
        silentWithoutNegative = family.isSilentWithoutNegative();
        return family.scheduler(velocity, names.contains("ztsnr"));
    }

    /** Inpainting, depth and the like read more than the latent. */
    private void requirePlain(UNet.Config c) {
        if (c.inChannels() != c.outChannels()) {
            throw new BadWeightsException(
                    ("%s is a variant whose UNet reads %d channels rather than %d (inpainting, depth, upscaling or editing):"
                                    + " give a plain text-to-image model")
                            .formatted(path, c.inChannels(), c.outChannels()));
        }
    }

    /** Text encoders of another model would be noticed only in the middle of the first step. */
    private void requireItsTexts() {
        if (texts.isEmpty()) {
            return;
        }
        UNet.Config c = unet().config();
        long width = texts.stream().mapToLong(text -> text.config().width()).sum();
        long pooled = texts.get(texts.size() - 1).config().projection();
        if (width != c.contextWidth() || (c.pooledWidth() > 0 && pooled != c.pooledWidth())) {
            throw new BadWeightsException(
                    ("%s cannot be used: its text is %d wide and %d pooled where its UNet reads %d and %d;"
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

    /** The files with its weights. */
    public List<Path> files() {
        return List.copyOf(files);
    }

    /** Its family. */
    public Architecture architecture() {
        return Architecture.of(unet().config());
    }

    /** The denoising network. */
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
                    "%s has no %s: give a whole model, a diffusers folder or a checkpoint that holds UNet, autoencoder and text encoder"
                            .formatted(path, name));
        }
        return part;
    }

    /** The parts that are there, by diffusers' names of them. */
    public Map<String, Part<?>> parts() {
        Map<String, Part<?>> parts = new LinkedHashMap<>();
        parts.put("unet", unet());
        if (vae != null) {
            parts.put("vae", vae);
        }
        for (int i = 0; i < texts.size(); i++) {
            parts.put(textEncoder(i), texts.get(i));
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
        unet();
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

    /** All its weights as a single file in the original layout holds them. */
    public WeightSource inOriginalLayout() {
        List<WeightSource> parts = new ArrayList<>();
        parts.add(OriginalLayout.unet(unet().config()).spelled(unet().weights()));
        parts.add(OriginalLayout.vae(vae().config()).spelled(vae().weights()));
        for (int i = 0; i < texts().size(); i++) {
            Part<ClipText.Config> text = texts.get(i);
            parts.add(OriginalLayout.text(architecture(), i, text.config().layers())
                    .spelled(text.weights()));
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
