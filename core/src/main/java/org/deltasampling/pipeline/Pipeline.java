package org.deltasampling.pipeline;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.delta.ReferenceDenoiser;
import org.deltasampling.diffusion.BadSamplingException;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.file.FileHashes;
import org.deltasampling.image.Image;
import org.deltasampling.image.Provenance;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Preset;
import org.deltasampling.sampling.NoiseSource;
import org.deltasampling.sampling.StepListener;
import org.deltasampling.tensor.CloseTogether;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.tensor.TensorValue;

/**
 * Makes images from recipes: plan, load, sample, decode. A denoising network is loaded when a recipe first needs it and stays
 * until {@link #close()}, or until another recipe needs its memory; roles with the same model share its weights. Text encoders
 * are loaded whenever prompts are new, and released at once.
 *
 * <p>For any number of threads: one image is made after the other, in the order in which they were asked for.
 */
public final class Pipeline implements AutoCloseable {

    /**
     * How images are made, whatever the recipe is.
     *
     * @param hashes whether images say which files they were made from; else each is read but once, as for measuring
     * @param memory the most that may be used, in bytes; empty: what the machine has free, where that is known
     * @param together how many images of recipes that are {@linkplain Recipe#isAlike alike} are sampled in one batch at most:
     *     many small ones are faster together, and equal those made alone but for the rounding of float32
     */
    public record Options(boolean hashes, OptionalLong memory, int together) {

        public static final Options DEFAULT = new Options(true, OptionalLong.empty(), 1);

        public Options withoutHashes() {
            return new Options(false, memory, together);
        }

        /** Plans that need more than so many bytes are refused. */
        public Options memory(long most) {
            return new Options(hashes, OptionalLong.of(most), together);
        }

        /** With so many images in one batch at most. */
        public Options together(int images) {
            return new Options(hashes, memory, images);
        }
    }

    private final Options options;
    private final Worker worker = new Worker();
    private final ModelCache models = new ModelCache();
    private final PromptCache prompts = new PromptCache();
    private final FileHashes hashes = new FileHashes();
    private final Bridges bridges = new Bridges();
    private final Planner planner;

    public Pipeline() {
        this(Options.DEFAULT);
    }

    public Pipeline(Options options) {
        this.options = options;
        this.planner = new Planner(models, bridges, new MemoryBudget(options.memory()));
    }

    /**
     * The image that {@code recipe} determines: the same recipe, files and number of threads give the same pixels.
     *
     * @throws DeltaSamplingException if the recipe cannot be followed, or a file cannot be used
     */
    public Image generate(Recipe recipe) {
        return generate(recipe, PipelineListener.NONE);
    }

    /** {@link #generate(Recipe)}, and what goes on is told to {@code listener}. */
    public Image generate(Recipe recipe, PipelineListener listener) {
        return generate(recipe, listener, Cancellation.none());
    }

    /**
     * {@link #generate(Recipe)}, and what goes on is told to {@code listener}.
     *
     * @throws java.util.concurrent.CancellationException if it was cancelled
     */
    public Image generate(Recipe recipe, PipelineListener listener, Cancellation cancellation) {
        if (recipe.sampling().batch() != 1) {
            throw new BadRecipeException("this recipe makes %d images: ask for all of them"
                    .formatted(recipe.sampling().batch()));
        }
        return generateAll(List.of(recipe), listener, cancellation).get(0);
    }

    /** Every image of {@code recipes}, those of a recipe's batch one after the other. */
    public List<Image> generateAll(List<Recipe> recipes, PipelineListener listener) {
        return generateAll(recipes, listener, Cancellation.none());
    }

    /**
     * Every image of {@code recipes}, those of a recipe's batch one after the other.
     *
     * @throws DeltaSamplingException if a recipe cannot be followed, or a file cannot be used
     * @throws java.util.concurrent.CancellationException if it was cancelled
     */
    public List<Image> generateAll(List<Recipe> recipes, PipelineListener listener, Cancellation cancellation) {
        Request request = new Request(listener, cancellation);
        List<Recipe> singles =
                recipes.stream().flatMap(recipe -> recipe.singles().stream()).toList();
        return worker.run(
                cancellation,
                () -> together(singles).stream()
                        .flatMap(some -> generate(some, request).stream())
                        .toList());
    }

    /** {@code singles} in their order, in as many parts as batches. */
    private List<List<Recipe>> together(List<Recipe> singles) {
        List<List<Recipe>> batches = new ArrayList<>();
        for (Recipe single : singles) {
            List<Recipe> last = batches.isEmpty() ? List.of() : batches.get(batches.size() - 1);
            if (last.isEmpty()
                    || last.size() == options.together
                    || !last.get(0).isAlike(single)) {
                batches.add(new ArrayList<>(List.of(single)));
            } else {
                last.add(single);
            }
        }
        return batches;
    }

    /** Of the model files that were read, each made once: what {@link Provenance#find} needs too. */
    public FileHashes hashes() {
        return hashes;
    }

    private List<Image> generate(List<Recipe> recipes, Request request) {
        request.checkpoint();
        models.refresh();
        Plan plan = planner.plan(recipes, request);
        if (options.hashes) {
            hashes.begin(plan.files());
        }
        prompts.encode(plan.prompts(), request);
        for (Model model : plan.models()) {
            request.checkpoint();
            model.load(request.listener()::loading);
        }
        models.releaseSideModels(plan.sideModels());
        for (SideModel side : plan.sideModels()) {
            request.checkpoint();
            side.load(request.listener()::loading);
        }
        try (TensorScope scope = TensorScope.open()) {
            Latent latents = sample(plan, request);
            if (plan.memory().releasing()) {
                ModelCache.withBases(plan.models()).forEach(Model::release);
                plan.sideModels().forEach(SideModel::release);
            }
            List<Image> images = new ArrayList<>();
            for (Latent one : latents.images()) {
                images.add(decode(plan, recipes.get(images.size()), one, request));
            }
            return images;
        }
    }

    private Image decode(Plan plan, Recipe recipe, Latent latents, Request request) {
        request.checkpoint();
        request.listener().decoding();
        ImageTensor decoded = plan.target().model().autoencoder().decode(latents);
        requireFinite(decoded, "the decoder of " + plan.target().model().name());
        plan.models().forEach(Model::requireUnchanged);
        request.listener().decoded();
        return new Image(decoded, latents, Provenance.of(recipe, options.hashes ? plan.files() : Set.of(), hashes));
    }

    private Latent sample(Plan plan, Request request) {
        try (CloseTogether trajectory = new CloseTogether()) {
            NoiseSource noise = NoiseSource.seeded(plan.seeds().toArray());
            Latent start =
                    plan.sampling().start(plan.start().draw(plan.recipes().size(), noise));
            StepClock clock = new StepClock(plan.sampling().plan().size());
            Denoisers denoisers = new Denoisers(plan, prompts, bridges, clock, request);
            if (plan.common().preset() == Preset.REFERENCE && !plan.deltas().isEmpty()) {
                ReferenceDenoiser both = denoisers.reference();
                double highest = plan.sampling().plan().get(0).from().kappa();
                return ReferenceDenoiser.targetOf(sample(both, plan, both.join(start, highest), noise, clock, request));
            }
            return sample(denoisers.delta(trajectory), plan, start, noise, clock, request);
        }
    }

    private static Latent sample(
            Denoiser denoiser, Plan plan, Latent start, NoiseSource noise, StepClock clock, Request request) {
        int steps = plan.sampling().plan().size();
        request.checkpoint();
        request.listener().step(0, steps);
        StepListener each = (index, count, level, denoised) -> {
            requireFinite(denoised, "step %d of %d".formatted(index + 1, count));
            plan.models().forEach(Model::requireUnchanged); // weights may be used where the file is mapped
            plan.sideModels().forEach(side -> side.stamps().requireUnchanged());
            clock.next();
            request.listener().step(index + 1, count);
            request.checkpoint();
        };
        return plan.sampling().sampler().sample(denoiser, start, plan.sampling().plan(), noise, each);
    }

    private static void requireFinite(TensorValue values, String where) {
        if (!values.isFinite()) {
            throw new BadSamplingException(
                    "%s gave values that are not finite numbers, and no image was made of them: try sampling.precision float32, a lower sampling.cfg or deltas[].lambda, or another copy of the model"
                            .formatted(where));
        }
    }

    /** Waits for the images that were asked for, then frees all memory and closes all files. */
    @Override
    public void close() {
        worker.close(() -> {
            prompts.close();
            models.close();
        });
    }
}
