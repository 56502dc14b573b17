package org.deltasampling.lab;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.bytedeco.openblas.global.openblas;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.text.ClipTokenizer;
import org.deltasampling.train.LowRankAdaptation;
import org.deltasampling.train.TrainableParameters;
import org.deltasampling.train.TrainingLoop;
import org.deltasampling.weights.WeightSource;

/**
 * Trains the demo models. On one machine the same seed gives the same weights: training uses one thread, which costs little
 * for networks as small as these.
 */
public final class Training {

    private static final int IMAGES = 12_000;
    private static final int ADAPTER_IMAGES = 4_000;
    private static final int RANK = 8;

    /** The layers inside the UNet's blocks. */
    private static final Pattern ADAPTED = Pattern.compile("unet\\.(down_blocks|mid_block|up_blocks)\\..*");

    private final Path models;
    private final Path checkpoints;
    private final long seed;
    private final double effort;
    private final Consumer<String> log;

    private Training(Path folder, long seed, double effort, Consumer<String> log) {
        models = folder.resolve("models");
        checkpoints = folder.resolve("checkpoints");
        this.seed = seed;
        this.effort = effort;
        this.log = log;
    }

    /** The models in the order in which they depend on each other: the models on the autoencoder, adapters on the source. */
    public enum Stage {
        AUTOENCODER("autoencoder/diffusion_pytorch_model.safetensors", t -> t.autoencoder(AutoencoderKind.SD)),
        DECODER("vae/diffusion_pytorch_model.safetensors", t -> t.decoder(AutoencoderKind.SD)),
        CLASSIFIER("classifier.safetensors", t -> t.classifier()),
        SOURCE("source/tokenizer/vocab.json", t -> t.model(ModelKind.SOURCE, "source", 8000)),
        TARGET("target/tokenizer/vocab.json", t -> t.model(ModelKind.TARGET, "target", 7500)),
        STRIPES("stripes.safetensors", t -> t.lowRank(Style.STRIPES, "stripes")),
        DUSK("dusk.safetensors", t -> t.lowRank(Style.DUSK, "dusk")),
        LINEART("lineart/tokenizer/vocab.json", t -> t.fineTune(Style.LINEART, "lineart")),
        AUTOENCODER_XL("autoencoder-xl/diffusion_pytorch_model.safetensors", t -> t.autoencoder(AutoencoderKind.XL)),
        TARGET_XL("target-xl/tokenizer_2/vocab.json", t -> t.model(ModelKind.TARGET_XL, "target-xl", 7000)),
        DECODER_XL("vae-xl/diffusion_pytorch_model.safetensors", t -> t.decoder(AutoencoderKind.XL)),
        AUTOENCODER_SD3("autoencoder-sd3/diffusion_pytorch_model.safetensors", t -> t.autoencoder(AutoencoderKind.SD3)),
        TARGET_SD3("target-sd3/tokenizer_2/vocab.json", t -> t.model(ModelKind.TARGET_SD3, "target-sd3", 7000)),
        DECODER_SD3("vae-sd3/diffusion_pytorch_model.safetensors", t -> t.decoder(AutoencoderKind.SD3));

        /** The file that is written last. */
        private final String product;

        @SuppressWarnings("ImmutableEnumChecker") // none of them has state
        private final Consumer<Training> training;

        Stage(String product, Consumer<Training> training) {
            this.product = product;
            this.training = training;
        }
    }

    /**
     * Trains every model that is not in {@code folder} yet; an interrupted training resumes from its last checkpoint.
     *
     * @param folder receives models/ and checkpoints/
     * @param log receives lines of text
     */
    public static void run(Path folder, long seed, Consumer<String> log) {
        for (Stage stage : Stage.values()) {
            run(stage, folder, seed, log);
        }
    }

    /** Trains one model, unless it is in {@code folder} already; those of earlier stages that it needs must be there. */
    public static void run(Stage stage, Path folder, long seed, Consumer<String> log) {
        run(stage, folder, seed, 1, log);
    }

    /** Trains one model; {@code effort} scales the numbers of images and of steps. */
    static void run(Stage stage, Path folder, long seed, double effort, Consumer<String> log) {
        try (TensorScope scope = TensorScope.recording()) { // also owns what loading the library leaves behind
            // BLAS has a thread count of its own; one above libtorch's leads to crashes
            openblas.blas_set_num_threads(1);
            torch.set_num_threads(1);
            Training training = new Training(folder, seed, effort, log);
            if (!Files.exists(training.models.resolve(stage.product))) {
                stage.training.accept(training);
            }
        }
    }

    @SuppressWarnings("EnumOrdinal") // each starts from weights of its own
    private void autoencoder(AutoencoderKind kind) {
        torch.manual_seed(seed + kind.ordinal());
        AutoencoderTraining training = new AutoencoderTraining(kind);
        try (Images images = images(IMAGES, Drawing.Domain.TARGET, List.of(Style.values()));
                TrainableParameters model = training.initialised()) {
            training.onCrops(model, images, loop(kind.named("autoencoder-crops"), kind.cropSteps(), 1.5e-3));
            training.onWholes(model, images, loop(kind.named("autoencoder"), kind.imageSteps(), 1e-3));
            training.normalise(model, images);
            ModelFiles.writeAutoencoder(models.resolve(kind.named("autoencoder")), kind.config(), model);
        }
    }

    /** Trains the decoder further and leaves the encoder, whose latents the diffusion models are trained on, as it is. */
    private void decoder(AutoencoderKind kind) {
        AutoencoderTraining training = new AutoencoderTraining(kind);
        try (Images images = images(IMAGES, Drawing.Domain.TARGET, List.of(Style.values()))) {
            WeightSource autoencoder = ModelFiles.readAutoencoder(models.resolve(kind.named("autoencoder")));
            try (TrainableParameters decoder =
                    TrainableParameters.startingFrom(autoencoder, training::declareDecoder)) {
                training.onLatents(
                        decoder, autoencoder, images, loop(kind.named("decoder"), kind.decoderSteps(), 1e-3));
                ModelFiles.writeAutoencoder(
                        models.resolve(kind.named("vae")),
                        kind.config(),
                        AutoencoderTraining.withDecoder(autoencoder, decoder));
            }
        }
    }

    private void classifier() {
        torch.manual_seed(seed);
        try (Images images = images(IMAGES, Drawing.Domain.TARGET, List.of(Style.values()));
                TrainableParameters model = TrainableParameters.initialised(Classifier::new)) {
            ClassifierTraining.run(model, images, loop("classifier", 5000, 1.5e-3));
            ModelFiles.write(models.resolve("classifier.safetensors"), model);
        }
    }

    private void model(ModelKind kind, String name, int steps) {
        torch.manual_seed(seed);
        try (CaptionedLatents captioned = captioned(IMAGES, kind, Style.FLAT);
                TrainableParameters model = TrainableParameters.initialised(kind::declare);
                DiffusionLoss loss = new DiffusionLoss(kind, captioned)) {
            log.accept("%s: %d parameters".formatted(name, model.count()));
            loop(name, steps, 1e-3).run(model, step -> loss.of(model));
            ModelFiles.writeModel(models.resolve(name), kind, model);
        }
    }

    private void lowRank(Style style, String name) {
        try (CaptionedLatents captioned = captioned(ADAPTER_IMAGES, ModelKind.SOURCE, style)) {
            LowRankAdaptation adaptation = new LowRankAdaptation(
                    ModelFiles.readModel(models.resolve("source")), ADAPTED.asMatchPredicate(), RANK);
            torch.manual_seed(seed);
            try (TrainableParameters model = TrainableParameters.initialised(adaptation::declare);
                    DiffusionLoss loss = new DiffusionLoss(ModelKind.SOURCE, captioned)) {
                log.accept("%s: %d parameters".formatted(name, model.count()));
                loop(name, 1000, 2e-3).run(model, step -> loss.of(adaptation.over(model)));
                ModelFiles.write(models.resolve(name + ".safetensors"), adaptation.file(model));
            }
        }
    }

    private void fineTune(Style style, String name) {
        try (CaptionedLatents captioned = captioned(ADAPTER_IMAGES, ModelKind.SOURCE, style);
                TrainableParameters model = TrainableParameters.startingFrom(
                        ModelFiles.readModel(models.resolve("source")), ModelKind.SOURCE::declare);
                DiffusionLoss loss = new DiffusionLoss(ModelKind.SOURCE, captioned)) {
            loop(name, 1000, 6e-4).run(model, step -> loss.of(model));
            ModelFiles.writeModel(models.resolve(name), ModelKind.SOURCE, model);
        }
    }

    private Images images(int count, Drawing.Domain domain, List<Style> styles) {
        SplittableRandom random = new SplittableRandom(seed);
        return Images.draw(scaled(count), () -> Drawing.random(domain, random), styles);
    }

    private CaptionedLatents captioned(int count, ModelKind kind, Style style) {
        try (Images images = images(count, kind.domain(), List.of(style));
                TensorScope scope = TensorScope.open()) {
            Path folder = models.resolve(kind.autoencoder().named("autoencoder"));
            AutoencoderKl autoencoder = new AutoencoderKl(
                    ModelFiles.autoencoderConfig(folder), Parameters.from(ModelFiles.readAutoencoder(folder)));
            return CaptionedLatents.of(images, autoencoder, tokenizers(kind), seed);
        }
    }

    private List<ClipTokenizer> tokenizers(ModelKind kind) {
        Path folder = checkpoints.resolve(kind.name());
        ModelFiles.writeTokenizers(folder, kind);
        return IntStream.range(0, kind.texts().size())
                .mapToObj(i -> ClipTokenizer.of(folder.resolve(ModelFiles.tokenizer(i))))
                .toList();
    }

    private TrainingLoop loop(String name, int steps, double rate) {
        return new TrainingLoop(name, scaled(steps), rate, 0.999, seed, checkpoints, log);
    }

    private int scaled(int count) {
        return (int) Math.max(2, Math.round(effort * count));
    }
}
