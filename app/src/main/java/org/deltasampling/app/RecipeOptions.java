package org.deltasampling.app;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.delta.LambdaSchedule;
import org.deltasampling.file.PathText;
import org.deltasampling.model.ModelOverrides;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Adapter;
import org.deltasampling.recipe.Recipe.Bridge;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Levels;
import org.deltasampling.recipe.Recipe.Role;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.recipe.Recipe.TensorFile;
import org.deltasampling.recipe.RecipeText;
import org.deltasampling.sampling.SamplingPlan;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.PixelSize;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** The options that make a recipe, or change one; what is not given stays as it was. */
final class RecipeOptions {

    /** For the help. */
    static final class SamplerNames implements Iterable<String> {

        @Override
        public Iterator<String> iterator() {
            return SamplingPlan.samplers().iterator();
        }
    }

    /** For the help. */
    static final class ScheduleNames implements Iterable<String> {

        @Override
        public Iterator<String> iterator() {
            return SamplingPlan.schedules().iterator();
        }
    }

    @Option(names = "--target", paramLabel = "MODEL", description = "The model that makes the image.")
    @Nullable
    Path target;

    @Option(names = "--source", paramLabel = "MODEL", description = "The model that the adapter was made for.")
    @Nullable
    Path source;

    @Option(names = "--adapted", paramLabel = "MODEL", description = "A fine-tune of the source.")
    @Nullable
    Path adapted;

    @Option(
            names = "--lora",
            paramLabel = "FILE[:WEIGHT]",
            description = "A LoRA or LyCORIS of the source (of the target where there is no source); may be repeated.")
    List<String> loras = new ArrayList<>();

    @Option(
            names = "--embedding",
            paramLabel = "FILE[=TOKEN]",
            description =
                    "A textual inversion of the source (of the target where there is no source) and the word that stands for it in prompts; may be repeated.")
    List<String> embeddings = new ArrayList<>();

    @ArgGroup(exclusive = false, multiplicity = "0..*")
    List<ControlOptions> controls = new ArrayList<>();

    @ArgGroup(exclusive = false, multiplicity = "0..*")
    List<ImagePromptOptions> imagePrompts = new ArrayList<>();

    @Option(
            names = "--vae",
            paramLabel = "FILE|FOLDER",
            description = "An autoencoder instead of the target's own: a .safetensors file or a diffusers folder.")
    @Nullable
    Path vae;

    @Option(names = "--source-vae", paramLabel = "FILE|FOLDER", description = "The same for the source.")
    @Nullable
    Path sourceVae;

    @Option(
            names = "--prediction",
            paramLabel = "NAME",
            description =
                    "What the target predicts, where its files do not say or say it wrongly: epsilon v sample flow.")
    @Nullable
    String prediction;

    @Option(
            names = "--source-prediction",
            paramLabel = "NAME",
            description = "The same for the source and the adapted model.")
    @Nullable
    String sourcePrediction;

    @Option(
            names = "--zero-snr",
            negatable = true,
            description =
                    "The target was trained with zero terminal SNR, or was not (--no-zero-snr), whatever its files say.")
    @Nullable
    Boolean zeroSnr;

    @Option(
            names = "--source-zero-snr",
            negatable = true,
            description = "The same for the source and the adapted model.")
    @Nullable
    Boolean sourceZeroSnr;

    @Option(
            names = "--scheduler",
            paramLabel = "CLASS",
            description = "The diffusers scheduler class of the target instead of that of its scheduler_config.json.")
    @Nullable
    String scheduler;

    @Option(
            names = "--source-scheduler",
            paramLabel = "CLASS",
            description = "The same for the source and the adapted model.")
    @Nullable
    String sourceScheduler;

    @Option(
            names = "--t5-tokenizer",
            paramLabel = "FILE|FOLDER",
            description =
                    "The tokenizer.json or spiece.model of T5, for models that have a T5 and no tokenizer for it.")
    @Nullable
    Path t5Tokenizer;

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            description = "Where all models compute: cpu, cuda or cuda:N; default cpu.")
    @Nullable
    String device;

    @Option(names = "--target-device", paramLabel = "DEVICE")
    @Nullable
    String targetDevice;

    @Option(names = "--source-device", paramLabel = "DEVICE")
    @Nullable
    String sourceDevice;

    @Option(names = "--adapted-device", paramLabel = "DEVICE", description = "The same for one role.")
    @Nullable
    String adaptedDevice;

    @Option(names = "--prompt", paramLabel = "TEXT", description = "What to show, for all roles.")
    @Nullable
    String prompt;

    @Option(names = "--negative", paramLabel = "TEXT", description = "What not to show, for all roles.")
    @Nullable
    String negative;

    @Option(names = "--target-prompt", paramLabel = "TEXT")
    @Nullable
    String targetPrompt;

    @Option(names = "--source-prompt", paramLabel = "TEXT")
    @Nullable
    String sourcePrompt;

    @Option(names = "--adapted-prompt", paramLabel = "TEXT")
    @Nullable
    String adaptedPrompt;

    @Option(names = "--target-negative", paramLabel = "TEXT")
    @Nullable
    String targetNegative;

    @Option(names = "--source-negative", paramLabel = "TEXT")
    @Nullable
    String sourceNegative;

    @Option(names = "--adapted-negative", paramLabel = "TEXT", description = "The same for one role.")
    @Nullable
    String adaptedNegative;

    @Option(names = "--lambda", paramLabel = "X", description = "Strength of the delta; default 1.")
    @Nullable
    Double lambda;

    @Option(
            names = "--lambda-schedule",
            paramLabel = "NAME[:START:END]",
            description = "Strength over the steps: constant linear exponential cosine sigmoid, from START to END times"
                    + " lambda.")
    @Nullable
    String lambdaSchedule;

    @Option(
            names = "--bridge",
            paramLabel = "NAME|FILE",
            description = "Between the source's latents and the target's: auto identity unscaled colours round-trip, or"
                    + " the .safetensors file of one that 'bridge fit' made; default auto.")
    @Nullable
    String bridge;

    @Option(
            names = "--levels",
            paramLabel = "NAME",
            description = "At noise levels that the source does not know: skip clamp hold; default skip.")
    @Nullable
    String levels;

    @Option(
            names = "--source-size",
            paramLabel = "WIDTHxHEIGHT",
            description = "The image's size as the source sees it; default: the target's.")
    @Nullable
    String sourceSize;

    @Option(names = "--preset", paramLabel = "NAME", description = "default, or reference: the authors' own sampler.")
    @Nullable
    String preset;

    @Option(
            names = "--sampler",
            paramLabel = "NAME",
            completionCandidates = SamplerNames.class,
            description = "${COMPLETION-CANDIDATES}; default euler.")
    @Nullable
    String sampler;

    @Option(
            names = "--schedule",
            paramLabel = "NAME",
            completionCandidates = ScheduleNames.class,
            description = "${COMPLETION-CANDIDATES}; default: as the model's config says.")
    @Nullable
    String schedule;

    @Option(names = "--steps", paramLabel = "N", description = "Default 20.")
    @Nullable
    Integer steps;

    @Option(names = "--cfg", paramLabel = "X", description = "Guidance scale; default 7.5, 1 is none.")
    @Nullable
    Double cfg;

    @Option(names = "--seed", paramLabel = "N", description = "From 0 to 18446744073709551615; default 0.")
    @Nullable
    String seed;

    @Option(names = "--size", paramLabel = "WIDTHxHEIGHT", description = "Default: what the target was trained at.")
    @Nullable
    String size;

    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "Images, with the seeds N, N+1, ...; each is as if made alone.")
    @Nullable
    Integer batch;

    @Option(names = "--precision", paramLabel = "NAME", description = "float32 or bfloat16; default float32.")
    @Nullable
    String precision;

    @Option(
            names = "--noise",
            paramLabel = "FILE.safetensors[#KEY]",
            description = "Start noise of unit variance instead of the seed's.")
    @Nullable
    String noise;

    /**
     * {@code base}, or an empty recipe, with the given options on top.
     *
     * @throws BadRecipeException if they do not make a whole recipe
     */
    Recipe over(@Nullable Recipe base) {
        Recipe start = base == null ? fromTarget() : base;
        List<Delta> deltas = deltas(start.deltas());
        return new Recipe(
                new Role(
                                target,
                                first(targetPrompt, prompt),
                                first(targetNegative, negative),
                                deltas.isEmpty() ? adapters() : List.of(),
                                overrides(vae, "--prediction", prediction, zeroSnr, scheduler),
                                device("--target-device", targetDevice))
                        .or(start.target()),
                deltas,
                sampling(start.sampling()),
                or(read("--preset", preset, RecipeText::preset), start.preset()));
    }

    /** The files that are named here, as absolute paths. */
    Set<Path> named() {
        Set<Path> named = new LinkedHashSet<>();
        for (Path model : new Path[] {target, source, adapted, vae, sourceVae, t5Tokenizer}) {
            if (model != null) {
                named.add(model.toAbsolutePath().normalize());
            }
        }
        adapters().forEach(adapter -> named.addAll(adapter.files()));
        Bridge fitted = bridge();
        if (fitted != null && fitted.file() != null) {
            named.add(fitted.file());
        }
        TensorFile start = noise();
        if (start != null) {
            named.add(start.file());
        }
        return named;
    }

    private Recipe fromTarget() {
        if (target == null) {
            throw new BadRecipeException(
                    "give the model that makes the image with --target, or a recipe with --recipe");
        }
        return Recipe.of(target, "");
    }

    private List<Delta> deltas(List<Delta> base) {
        Map<String, @Nullable Object> ofDelta = new LinkedHashMap<>();
        ofDelta.put("--adapted", adapted);
        ofDelta.put("--source-prompt", sourcePrompt);
        ofDelta.put("--source-negative", sourceNegative);
        ofDelta.put("--adapted-prompt", adaptedPrompt);
        ofDelta.put("--adapted-negative", adaptedNegative);
        ofDelta.put("--source-vae", sourceVae);
        ofDelta.put("--source-prediction", sourcePrediction);
        ofDelta.put("--source-zero-snr", sourceZeroSnr);
        ofDelta.put("--source-scheduler", sourceScheduler);
        ofDelta.put("--source-device", sourceDevice);
        ofDelta.put("--adapted-device", adaptedDevice);
        ofDelta.put("--lambda", lambda);
        ofDelta.put("--lambda-schedule", lambdaSchedule);
        ofDelta.put("--bridge", bridge);
        ofDelta.put("--levels", levels);
        ofDelta.put("--source-size", sourceSize);
        if (base.isEmpty() && source == null) {
            refuse(ofDelta, "needs --source, the model that the adapted one was made from");
            return base;
        }
        if (base.isEmpty()) {
            return List.of(delta(Role.SAME, Role.SAME, LambdaSchedule.constant(1), Bridge.AUTO, Levels.SKIP, null));
        }
        if (base.size() > 1) {
            ofDelta.put("--source", source);
            ofDelta.put("--lora", loras.isEmpty() ? null : loras);
            ofDelta.put("--embedding", embeddings.isEmpty() ? null : embeddings);
            ofDelta.put("--controlnet", controls.isEmpty() ? null : controls);
            ofDelta.put("--ip-adapter", imagePrompts.isEmpty() ? null : imagePrompts);
            refuse(
                    ofDelta,
                    "does not say which of the recipe's " + base.size() + " deltas it means: change the recipe");
        }
        return base.stream()
                .map(d -> delta(d.source(), d.adapted(), d.lambda(), d.bridge(), d.levels(), d.sourceSize()))
                .toList();
    }

    private static void refuse(Map<String, @Nullable Object> options, String why) {
        options.forEach((name, value) -> {
            if (value != null) {
                throw new BadRecipeException(name + " " + why);
            }
        });
    }

    private Delta delta(
            Role oldSource,
            Role oldAdapted,
            LambdaSchedule oldLambda,
            Bridge oldBridge,
            Levels oldLevels,
            @Nullable PixelSize oldSize) {
        return new Delta(
                new Role(
                                source,
                                first(sourcePrompt, prompt),
                                first(sourceNegative, negative),
                                List.of(),
                                ofSource(sourceVae),
                                device("--source-device", sourceDevice))
                        .or(oldSource),
                new Role(
                                adapted,
                                first(adaptedPrompt, prompt),
                                first(adaptedNegative, negative),
                                adapters(),
                                ofSource(null),
                                device("--adapted-device", adaptedDevice))
                        .or(oldAdapted),
                lambda(oldLambda),
                or(bridge(), oldBridge),
                or(read("--levels", levels, RecipeText::levels), oldLevels),
                first(read("--source-size", sourceSize, RecipeText::size), oldSize));
    }

    /** Of the source and of the adapted model, which follows the source's autoencoder where it has none of its own. */
    private ModelOverrides ofSource(@Nullable Path ownVae) {
        return overrides(ownVae, "--source-prediction", sourcePrediction, sourceZeroSnr, sourceScheduler);
    }

    private ModelOverrides overrides(
            @Nullable Path ownVae,
            String option,
            @Nullable String ownPrediction,
            @Nullable Boolean ownZeroSnr,
            @Nullable String ownScheduler) {
        return new ModelOverrides(
                ownVae, t5Tokenizer, read(option, ownPrediction, RecipeText::prediction), ownZeroSnr, ownScheduler);
    }

    private @Nullable Device device(String option, @Nullable String own) {
        return first(read(option, own, RecipeText::device), read("--device", device, RecipeText::device));
    }

    private LambdaSchedule lambda(LambdaSchedule base) {
        double value = or(lambda, base.value());
        return lambdaSchedule == null
                ? new LambdaSchedule(value, base.shape(), base.start(), base.end())
                : LambdaSchedule.parse(value, lambdaSchedule);
    }

    private Sampling sampling(Sampling base) {
        return new Sampling(
                new Sampling.Method(
                        or(sampler, base.sampler()), first(schedule, base.schedule()), or(steps, base.steps())),
                new Sampling.Start(
                        or(read("--seed", seed, RecipeText::seed), base.seed()),
                        first(read("--size", size, RecipeText::size), base.size()),
                        first(noise(), base.noise())),
                or(cfg, base.cfg()),
                or(batch, base.batch()),
                or(read("--precision", precision, RecipeText::precision), base.precision()));
    }

    private List<Adapter> adapters() {
        List<Adapter> all = new ArrayList<>();
        loras.forEach(text ->
                all.add(Objects.requireNonNull(read("--lora", text, t -> RecipeText.lora(t, RecipeOptions::path)))));
        embeddings.forEach(text -> all.add(
                Objects.requireNonNull(read("--embedding", text, t -> RecipeText.embedding(t, RecipeOptions::path)))));
        controls.forEach(control -> all.add(control.control()));
        imagePrompts.forEach(prompt -> all.add(prompt.prompt()));
        return all;
    }

    private @Nullable Bridge bridge() {
        return read("--bridge", bridge, text -> RecipeText.bridge(text, RecipeOptions::path));
    }

    private @Nullable TensorFile noise() {
        return read("--noise", noise, text -> RecipeText.tensorFile(text, RecipeOptions::path));
    }

    private static Path path(String name) {
        return PathText.parse(name, Path.of(""));
    }

    /** What {@code read} makes of an option's text; its complaint begins with the option. */
    private static <T> @Nullable T read(String option, @Nullable String text, Function<String, T> read) {
        try {
            return text == null ? null : read.apply(text);
        } catch (DeltaSamplingException e) {
            throw new BadRecipeException(option + ": " + e.getMessage(), e);
        }
    }

    private static <T> @Nullable T first(@Nullable T given, @Nullable T otherwise) {
        return given == null ? otherwise : given;
    }

    private static <T> T or(@Nullable T given, T otherwise) {
        return given == null ? otherwise : given;
    }
}
