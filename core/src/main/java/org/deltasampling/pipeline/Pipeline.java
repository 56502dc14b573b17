package org.deltasampling.pipeline;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;
import org.deltasampling.delta.DeltaDenoiser;
import org.deltasampling.delta.DeltaListener;
import org.deltasampling.delta.LevelPolicy;
import org.deltasampling.delta.ReferenceDenoiser;
import org.deltasampling.delta.Source;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.file.FileHashes;
import org.deltasampling.image.Image;
import org.deltasampling.image.Provenance;
import org.deltasampling.pipeline.PromptCache.Pair;
import org.deltasampling.pipeline.PromptCache.Prompt;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Levels;
import org.deltasampling.recipe.Recipe.Preset;
import org.deltasampling.recipe.Recipe.Role;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.recipe.Recipe.TensorFile;
import org.deltasampling.sampling.NoiseSource;
import org.deltasampling.sampling.SamplingPlan;
import org.deltasampling.tensor.CloseTogether;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.Memory;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.jspecify.annotations.Nullable;

/**
 * Makes images from recipes. A denoising network is loaded when a recipe first needs it and stays until {@link #close()};
 * roles with the same model share its weights. Text encoders are loaded before, whenever prompts are new, and let go at once.
 * For one thread at a time.
 */
public final class Pipeline implements AutoCloseable {

    private PipelineListener listener = PipelineListener.NONE;
    private final Bridges bridges;
    private final ModelCache models = new ModelCache();
    private final PromptCache prompts = new PromptCache();
    private final Options options;
    private final FileHashes hashes = new FileHashes();
    private final Set<String> said = new HashSet<>();
    private final long before = MachineMemory.resident().orElse(0);
    private List<MemoryPlan.Phase> planned = List.of();

    /**
     * How images are made, whatever the recipe is.
     *
     * @param hashes whether images say which files they were made from; else each is read but once, as for measuring
     * @param memory the most that may be used, in bytes; empty: what the machine has free, where that is known
     */
    public record Options(boolean hashes, OptionalLong memory) {

        public static final Options DEFAULT = new Options(true, OptionalLong.empty());

        public Options withoutHashes() {
            return new Options(false, memory);
        }

        /** Plans that need more than so many bytes are refused. */
        public Options memory(long most) {
            return new Options(hashes, OptionalLong.of(most));
        }
    }

    public Pipeline() {
        this(Options.DEFAULT);
    }

    public Pipeline(Options options) {
        this.options = options;
        this.bridges = new Bridges(sentence -> once(sentence, chosen -> listener.chose(chosen)), this::warnOnce);
    }

    /** Of the model files that were read, each made once: what {@link Provenance#find} needs too. */
    public FileHashes hashes() {
        return hashes;
    }

    /** Every image of the recipe's batch, each as it would be made alone. */
    public List<Image> generateBatch(Recipe recipe, PipelineListener listener) {
        return recipe.singles().stream()
                .map(single -> generate(single, listener))
                .toList();
    }

    /** {@link #generate(Recipe, PipelineListener)} that nobody listens to. */
    public Image generate(Recipe recipe) {
        return generate(recipe, PipelineListener.NONE);
    }

    /**
     * The image that {@code recipe} determines: the same recipe and files give the same pixels.
     *
     * @throws BadRecipeException if the recipe cannot be followed
     * @throws org.deltasampling.weights.BadWeightsException if a model or an adapter cannot be used
     * @throws org.deltasampling.diffusion.BadSamplingException if the sampler cannot do what is asked
     */
    public Image generate(Recipe recipe, PipelineListener listener) {
        this.listener = listener;
        said.clear();
        planned = List.of();
        if (recipe.sampling().batch() != 1) {
            throw new BadRecipeException("this recipe makes %d images: ask for all of them"
                    .formatted(recipe.sampling().batch()));
        }
        Sampling sampling = recipe.sampling();
        Cast cast = cast(recipe);
        // whatever can be wrong with the numbers is said before gigabytes are read
        StartNoise start =
                StartNoise.of(sampling, cast.target.latentSpace(), cast.target.divisor(), cast.target.size());
        SamplingPlan plan = SamplingPlan.of(
                sampling.sampler(), sampling.schedule(), cast.target.scheduler(start.shape()), sampling.steps());
        PixelSize size = start.image(cast.target.latentSpace());
        List<Bridges.Choice> choices = choices(recipe, cast, size);
        MemoryPlan memory = allowed(cast, choices, start.shape(), sampling.cfg() != 1);
        Set<Path> files = files(recipe, cast, choices);
        if (options.hashes) {
            hashes.begin(files);
        }
        prompts.encode(pairs(recipe, cast, choices, size), listener, this::warnOnce);
        load(cast);
        try (TensorScope scope = TensorScope.open();
                CloseTogether memories = new CloseTogether()) {
            NoiseSource noise = NoiseSource.seeded(sampling.seed());
            Latent x = plan.start(start.draw(noise));
            Latent latents =
                    recipe.preset() == Preset.REFERENCE && !recipe.deltas().isEmpty()
                            ? sampleReference(recipe, cast, choices.get(0), plan, x, noise)
                            : sample(delta(recipe, cast, size, choices, plan, memories), plan, x, noise);
            if (memory.releasing()) {
                MemoryPlan.networks(cast.all()).forEach(Model::release);
            }
            listener.decoding();
            Latent decoded = cast.target.autoencoder().decode(latents);
            listener.decoded();
            return new Image(decoded, latents, Provenance.of(recipe, options.hashes ? files : Set.of(), hashes));
        }
    }

    /** The plan, which is told if it is not the last one's, and refused if it needs too much. */
    private MemoryPlan allowed(Cast cast, List<Bridges.Choice> choices, long[] latents, boolean guided) {
        long limit = options.memory.orElse(MachineMemory.available().orElse(Long.MAX_VALUE));
        MemoryPlan plan =
                MemoryPlan.of(before, limit, cast.target, cast.all(), Bridges.inMemory(choices), latents, guided);
        if (!plan.phases().equals(planned)) {
            listener.plan(plan);
            planned = plan.phases();
        }
        plan.require(limit);
        return plan;
    }

    @Override
    public void close() {
        prompts.close();
        models.close();
    }

    /** The models of a recipe, those of its deltas in its deltas' order. */
    private record Cast(Model target, List<Model> sources, List<Model> adapted) {

        List<Model> all() {
            List<Model> all = new ArrayList<>(List.of(target));
            all.addAll(sources);
            all.addAll(adapted);
            return all;
        }
    }

    private Cast cast(Recipe recipe) {
        Precision precision = recipe.sampling().precision();
        Path targetPath = Objects.requireNonNull(recipe.target().model());
        Model target = models.open(targetPath, targetPath, recipe.target().adapters(), use(recipe.target(), precision));
        List<Model> sources = new ArrayList<>();
        List<Model> adapted = new ArrayList<>();
        for (Delta delta : recipe.deltas()) {
            Path path = Objects.requireNonNull(delta.source().model());
            Model source = models.open(path, path, delta.source().adapters(), use(delta.source(), precision));
            sources.add(source);
            adapted.add(models.open(
                    delta.adaptedModel(), path, delta.adapted().adapters(), use(delta.adaptedRole(), precision)));
        }
        Cast cast = new Cast(target, sources, adapted);
        if (cast.all().stream().noneMatch(model -> model.checkpoint().t5().isPresent())
                && cast.all().stream()
                        .anyMatch(model -> model.checkpoint().others().t5Tokenizer() != null)) {
            throw new BadRecipeException(
                    "a T5 tokenizer is named, and none of the models has a T5 text encoder: leave out --t5-tokenizer");
        }
        return cast;
    }

    private void load(Cast cast) {
        cast.all().forEach(model -> model.load(listener));
    }

    private static ModelCache.Use use(Role role, Precision precision) {
        Device device = Objects.requireNonNullElse(role.device(), Device.CPU);
        device.problem().ifPresent(problem -> {
            throw new BadRecipeException("%s cannot be used: %s".formatted(device, problem));
        });
        return new ModelCache.Use(role.overrides(), precision, device);
    }

    private List<Bridges.Choice> choices(Recipe recipe, Cast cast, PixelSize size) {
        List<Bridges.Choice> choices = new ArrayList<>();
        for (int i = 0; i < recipe.deltas().size(); i++) {
            Delta delta = recipe.deltas().get(i);
            Model source = cast.sources.get(i);
            choices.add(
                    recipe.preset() == Preset.REFERENCE
                            ? bridges.reference(delta, cast.target, size, source)
                            : bridges.choose(delta, cast.target, size, source));
        }
        return choices;
    }

    /** What it remembers of one trajectory is kept by {@code memories}. */
    private static LevelPolicy policy(Levels levels, CloseTogether memories) {
        return switch (levels) {
            case SKIP -> LevelPolicy.SKIP;
            case CLAMP -> LevelPolicy.CLAMP;
            case HOLD -> LevelPolicy.hold(memories.keep(new Memory()));
        };
    }

    private Denoiser delta(
            Recipe recipe,
            Cast cast,
            PixelSize size,
            List<Bridges.Choice> choices,
            SamplingPlan plan,
            CloseTogether memories) {
        Denoiser target = guided(recipe, recipe.target(), cast.target, size);
        List<org.deltasampling.delta.Delta> deltas = new ArrayList<>();
        Map<List<Object>, Source> sources = new HashMap<>(); // deltas that see the same source alike ask it once
        long seed = ~recipe.sampling().seed(); // the start noise is drawn from the seed itself
        for (int i = 0; i < recipe.deltas().size(); i++) {
            Delta delta = recipe.deltas().get(i);
            Model model = cast.sources.get(i);
            Bridges.Choice choice = choices.get(i);
            Source source = sources.computeIfAbsent(
                    List.of(delta.source(), choice),
                    seen -> new Source(
                            guided(recipe, delta.source(), model, choice.sourceImage()),
                            model.scheduler().trained(),
                            bridges.build(choice, seed)));
            deltas.add(new org.deltasampling.delta.Delta(
                    source,
                    guided(recipe, delta.adapted(), cast.adapted.get(i), choice.sourceImage()),
                    delta.lambda().over(plan.plan()),
                    policy(delta.levels(), memories)));
        }
        return deltas.isEmpty() ? target : new DeltaDenoiser(target, deltas, DeltaListener.NONE);
    }

    private Latent sampleReference(
            Recipe recipe, Cast cast, Bridges.Choice choice, SamplingPlan plan, Latent start, NoiseSource noise) {
        if (recipe.deltas().size() != 1) {
            throw new BadRecipeException("the reference preset knows one delta, not %d: leave it out"
                    .formatted(recipe.deltas().size()));
        }
        Delta delta = recipe.deltas().get(0);
        Model source = cast.sources.get(0);
        PixelSize size = choice.image();
        ReferenceDenoiser both = new ReferenceDenoiser(
                guided(recipe, recipe.target(), cast.target, size),
                guided(recipe, delta.source(), source, size),
                guided(recipe, delta.adapted(), cast.adapted.get(0), size),
                bridges.build(choice, 0),
                source.scheduler().whole(),
                delta.lambda().over(plan.plan()),
                DeltaListener.NONE);
        double highest = plan.plan().get(0).from().kappa();
        return ReferenceDenoiser.targetOf(sample(both, plan, both.join(start, highest), noise));
    }

    private Latent sample(Denoiser denoiser, SamplingPlan plan, Latent start, NoiseSource noise) {
        listener.step(0, plan.plan().size());
        return plan.sampler()
                .sample(
                        denoiser,
                        start,
                        plan.plan(),
                        noise,
                        (index, count, level, clean) -> listener.step(index + 1, count));
    }

    private Denoiser guided(Recipe recipe, Role role, Model model, PixelSize size) {
        Pair pair = pair(recipe, role, model, size);
        return model.guided(
                prompts.with(pair), prompts.without(pair), recipe.sampling().cfg());
    }

    /** Of all roles. */
    private static List<Pair> pairs(Recipe recipe, Cast cast, List<Bridges.Choice> choices, PixelSize size) {
        List<Pair> pairs = new ArrayList<>();
        pairs.add(pair(recipe, recipe.target(), cast.target, size));
        for (int i = 0; i < recipe.deltas().size(); i++) {
            Delta delta = recipe.deltas().get(i);
            PixelSize sourceSize = choices.get(i).sourceImage();
            pairs.add(pair(recipe, delta.source(), cast.sources.get(i), sourceSize));
            pairs.add(pair(recipe, delta.adapted(), cast.adapted.get(i), sourceSize));
        }
        return pairs;
    }

    private static Pair pair(Recipe recipe, Role role, Model model, PixelSize size) {
        String prompt = first(role.prompt(), recipe.target().prompt());
        String negative = first(role.negative(), recipe.target().negative());
        boolean silent = negative == null
                && model.zeroForEmptyNegative()
                && recipe.preset() != Preset.REFERENCE; // ComfyUI knows no missing prompt
        return new Pair(
                new Prompt(model.texts(), size, prompt == null ? "" : prompt),
                silent ? null : new Prompt(model.texts(), size, negative == null ? "" : negative));
    }

    private static @Nullable String first(@Nullable String own, @Nullable String general) {
        return own != null ? own : general;
    }

    private void warnOnce(String sentence) {
        once(sentence, listener::warning);
    }

    private void once(String sentence, Consumer<String> told) {
        if (said.add(sentence)) {
            told.accept(sentence);
        }
    }

    private static Set<Path> files(Recipe recipe, Cast cast, List<Bridges.Choice> choices) {
        Set<Path> files = new LinkedHashSet<>();
        cast.all().forEach(model -> files.addAll(model.files()));
        choices.forEach(choice -> choice.file().ifPresent(files::add));
        TensorFile noise = recipe.sampling().noise();
        if (noise != null) {
            files.add(noise.file());
        }
        return files;
    }
}
