package org.deltasampling.model;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.t5.T5Encoder;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.WeightCheck;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSource;

/** Reads the parts of a model from a single file and those beside it. */
final class FileReader {

    private final Path path;
    private final ModelOverrides overrides;
    private final ModelParts parts;

    private FileReader(Path path, ModelOverrides overrides, ModelParts parts) {
        this.path = path;
        this.overrides = overrides;
        this.parts = parts;
    }

    /** Adds what is in {@code file} to {@code parts}. */
    static void read(Path file, ModelOverrides overrides, ModelParts parts) {
        new FileReader(file, overrides, parts).read();
    }

    private void read() {
        WeightFile file = parts.files.file(path);
        FileKind kind = FileKind.of(file.names());
        switch (kind) {
            case CHECKPOINT -> readOriginal(OriginalLayout.prefixed(file));
            case UNET ->
                parts.unet =
                        ModelPart.of(file, names -> KeyTable.read("unet-diffusers"), UNet.Config::infer, UNet::new);
            case TRANSFORMER ->
                parts.transformer =
                        ModelPart.of(file, names -> KeyTable.read("mmdit-diffusers"), MMDiT.Config::infer, MMDiT::new);
            default ->
                throw new BadWeightsException(
                        "%s is %s: %s".formatted(path, FileKind.title(file.names()), kind.advice()));
        }
        Architecture family = parts.architecture();
        parts.scheduler = family.isFlow() ? flowScheduler(family) : scheduler(file, family);
    }

    private void readOriginal(WeightSource file) {
        Set<String> names = file.names();
        if (OriginalLayout.isMmdit(names)) {
            parts.transformer = ModelPart.of(file, OriginalLayout::mmdit, MMDiT.Config::infer, MMDiT::new);
        } else {
            parts.unet = ModelPart.of(file, OriginalLayout::unet, UNet.Config::infer, UNet::new);
        }
        Architecture family = parts.architecture();
        if (OriginalLayout.hasVae(names) && overrides.vae() == null) {
            parts.vae = AutoencoderReader.read(file, family);
        }
        readTexts(file, family);
        if (family.isFlow()) {
            readTextsBeside(family);
            readT5(file, names);
        }
        KeyTable others = KeyTable.read("single-file");
        parts.rest = new WeightCheck(
                List.of(),
                names.stream()
                        .filter(n -> !OriginalLayout.isPart(n) && !others.knows(n) && !Leftovers.isOne(n))
                        .toList(),
                List.of());
    }

    private void readTexts(WeightSource file, Architecture family) {
        List<TextEncoder> there =
                family.texts().stream().filter(text -> text.isIn(file.names())).toList();
        parts.textsFound = there.size();
        if (there.equals(family.texts())) {
            for (TextEncoder text : there) {
                parts.texts.add(ModelPart.of(
                        file,
                        text::table,
                        weights -> ClipText.Config.infer(weights).with(text.activation()),
                        ClipText::new));
            }
        }
    }

    /** Stability publishes SD-3's text encoders as files of their own, for checkpoints without them. */
    private void readTextsBeside(Architecture family) {
        FilesBeside beside = new FilesBeside(path);
        Optional<Path> clipL = beside.weights("clip_l");
        Optional<Path> clipG = beside.weights("clip_g");
        if (parts.texts.isEmpty() && clipL.isPresent() && clipG.isPresent()) {
            for (Path own : List.of(clipL.get(), clipG.get())) {
                TextEncoder text = family.texts().get(parts.texts.size());
                parts.texts.add(ModelPart.of(
                        parts.files.weights(own),
                        names -> text.tableOfOwnFile(),
                        weights -> ClipText.Config.infer(weights).with(text.activation()),
                        ClipText::new));
            }
        }
    }

    private void readT5(WeightSource file, Set<String> names) {
        FilesBeside beside = new FilesBeside(path);
        Optional<Path> own = beside.weights("t5xxl");
        if (OriginalLayout.hasT5(names)) {
            parts.t5 = ModelPart.of(file, all -> OriginalLayout.t5(), T5Encoder.Config::infer, T5Encoder::new);
        } else if (own.isPresent()) {
            parts.t5 = ModelPart.of(
                    parts.files.weights(own.get()),
                    all -> KeyTable.read("t5-transformers"),
                    T5Encoder.Config::infer,
                    T5Encoder::new);
        }
        parts.t5Tokenizer = beside.t5Tokenizer().orElse(null);
    }

    private SchedulerConfig flowScheduler(Architecture family) {
        requireNoScheduler();
        if (Boolean.TRUE.equals(overrides.zeroSnr())
                || (overrides.prediction() != null && overrides.prediction() != Parameterization.FLOW)) {
            throw new BadWeightsException(
                    "%s is a flow model, which has neither another prediction nor zero-snr: leave them out"
                            .formatted(path));
        }
        return family.scheduler(Parameterization.FLOW, false);
    }

    /** Overrides come before a config beside the file, that before the signs in the file. */
    private SchedulerConfig scheduler(WeightFile file, Architecture family) {
        requireNoScheduler();
        parts.zeroForEmptyNegative = family.zeroForEmptyNegative();
        String prediction = file.metadata().getOrDefault("modelspec.prediction_type", "");
        Set<String> names = file.names();
        ModelPart<UNet.Config> unet = Objects.requireNonNull(parts.unet);
        boolean velocity = family.predictsVelocity(unet.weights(), unet.config(), names, prediction);
        Parameterization predicts = velocity ? Parameterization.V_PREDICTION : Parameterization.EPSILON;
        OriginalConfig beside = OriginalConfig.beside(path).orElse(null);
        if (beside != null) {
            parts.files.alsoRead(beside.file());
            predicts = beside.prediction();
        }
        if (overrides.prediction() == Parameterization.FLOW) {
            throw new BadWeightsException("%s is not a flow model: give another prediction".formatted(path));
        }
        return family.scheduler(
                Objects.requireNonNullElse(overrides.prediction(), predicts),
                Objects.requireNonNullElse(overrides.zeroSnr(), names.contains("ztsnr")));
    }

    private void requireNoScheduler() {
        if (overrides.scheduler() != null) {
            throw new BadWeightsException(
                    ("%s is a single file, and only a folder has a scheduler_config.json whose class another scheduler"
                                    + " could replace: leave that out, and give another sampler")
                            .formatted(path));
        }
    }
}
