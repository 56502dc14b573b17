package org.deltasampling.pipeline;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;
import org.deltasampling.pipeline.PlannedRole.Guidance;
import org.deltasampling.pipeline.PromptCache.Prompt;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Control;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Embedding;
import org.deltasampling.recipe.Recipe.IpAdapter;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Preset;
import org.deltasampling.recipe.Recipe.Role;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.sampling.SamplingPlan;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Precision;
import org.jspecify.annotations.Nullable;

/** Opens the models of a recipe and decides all that can be decided before gigabytes are read. */
final class Planner {

    private final ModelCache models;
    private final Bridges bridges;
    private final MemoryBudget budget;

    Planner(ModelCache models, Bridges bridges, MemoryBudget budget) {
        this.models = models;
        this.bridges = bridges;
        this.budget = budget;
    }

    /**
     * The plan of {@code recipes} of one image each, which are {@linkplain Recipe#isAlike alike}; not to be in a region.
     *
     * @throws org.deltasampling.DeltaSamplingException if it cannot be followed, or a file cannot be used
     */
    Plan plan(List<Recipe> recipes, Request request) {
        Recipe recipe = recipes.get(0);
        Sampling sampling = recipe.sampling();
        Model target = open(recipe.target(), sampling.precision());
        List<Model> opened = new ArrayList<>(List.of(target));
        for (Delta delta : recipe.deltas()) {
            opened.add(open(delta.source(), sampling.precision()));
            opened.add(adapted(delta, sampling.precision()));
        }
        opened.forEach(model -> model.warnings().forEach(request::warn));
        opened.forEach(model -> model.scheduler().note().ifPresent(request::warn));
        requireT5(opened);
        StartNoise start = StartNoise.of(sampling, target.latentSpace(), target.divisor(), target.size());
        SamplingPlan plan = SamplingPlan.of(
                sampling.sampler(), sampling.schedule(), target.scheduler(start.shape()), sampling.steps());
        PixelSize size = start.image(target.latentSpace());
        List<PlannedDelta> deltas = new ArrayList<>();
        for (int i = 0; i < recipe.deltas().size(); i++) {
            deltas.add(planned(
                    recipes,
                    recipe.deltas().get(i),
                    target,
                    size,
                    opened.get(2 * i + 1),
                    opened.get(2 * i + 2),
                    request));
        }
        PlannedRole role = role(recipes, Recipe::target, target, size);
        MemoryPlan memory = budget.plan(
                models,
                target,
                opened,
                beside(role, deltas, recipes.size()),
                start.shape(),
                recipes.size() * (sampling.cfg() == 1 ? 1 : 2));
        request.plan(memory);
        return new Plan(recipes, role, deltas, start, plan, memory);
    }

    /** What is in memory in every step beside the models: bridges and controls. */
    private static List<MemoryPlan.Part> beside(PlannedRole target, List<PlannedDelta> deltas, int images) {
        List<MemoryPlan.Part> beside = new ArrayList<>(
                Bridges.inMemory(deltas.stream().map(PlannedDelta::bridge).toList(), images));
        Stream.concat(Stream.of(target), deltas.stream().flatMap(delta -> Stream.of(delta.source(), delta.adapted())))
                .flatMap(role -> role.sideModels().stream())
                .distinct()
                .filter(side -> !side.device().gpu())
                .forEach(side -> beside.add(side.inMemory()));
        return beside;
    }

    private PlannedDelta planned(
            List<Recipe> recipes,
            Delta delta,
            Model target,
            PixelSize size,
            Model source,
            Model adapted,
            Request request) {
        Bridges.Choice bridge = recipes.get(0).preset() == Preset.REFERENCE
                ? bridges.reference(delta, target, size, source)
                : bridges.choose(delta, target, size, source, request);
        return new PlannedDelta(
                delta,
                role(recipes, recipe -> delta.source(), source, bridge.sourceImage()),
                role(recipes, recipe -> delta.adapted(), adapted, bridge.sourceImage()),
                bridge);
    }

    private Model open(Role role, Precision precision) {
        Path path = Objects.requireNonNull(role.model());
        return models.open(path, path, changes(role), use(role, precision));
    }

    private Model adapted(Delta delta, Precision precision) {
        return models.open(
                delta.adaptedModel(),
                Objects.requireNonNull(delta.source().model()),
                changes(delta.adapted()),
                use(delta.adaptedRole(), precision));
    }

    /** Those that change the model itself. */
    private static List<Recipe.Adapter> changes(Role role) {
        return role.adapters().stream()
                .filter(adapter -> adapter instanceof Lora || adapter instanceof Embedding)
                .toList();
    }

    /** The controls of {@code role}, whose model is open. */
    private List<PlannedControl> controls(Role role, Model model, Precision precision, PixelSize size) {
        List<PlannedControl> controls = new ArrayList<>();
        for (Recipe.Adapter adapter : role.adapters()) {
            if (adapter instanceof Control control) {
                ControlModel network = models.control(control.file(), precision, model.device());
                network.requireFits(model.checkpoint());
                controls.add(new PlannedControl(control, network, size));
            }
        }
        return controls;
    }

    private List<PlannedImagePrompt> imagePrompts(Role role, Model model, Precision precision) {
        List<PlannedImagePrompt> prompts = new ArrayList<>();
        for (Recipe.Adapter adapter : role.adapters()) {
            if (adapter instanceof IpAdapter prompt) {
                prompts.add(new PlannedImagePrompt(prompt, models.imagePrompts(prompt, model, precision)));
            }
        }
        return prompts;
    }

    private static ModelCache.Use use(Role role, Precision precision) {
        Device device = Objects.requireNonNullElse(role.device(), Device.CPU);
        device.problem().ifPresent(problem -> {
            throw new BadRecipeException("%s cannot be used: %s".formatted(device, problem));
        });
        return new ModelCache.Use(role.overrides(), precision, device);
    }

    private static void requireT5(List<Model> models) {
        if (models.stream().noneMatch(model -> model.checkpoint().t5().isPresent())
                && models.stream()
                        .anyMatch(model -> model.checkpoint().overrides().t5Tokenizer() != null)) {
            throw new BadRecipeException(
                    "t5-tokenizer names a tokenizer, and none of the models has a T5 text encoder: leave it out");
        }
    }

    /** {@code part} with its prompts, which are the target's where it has none of its own. */
    private PlannedRole role(List<Recipe> recipes, Function<Recipe, Role> part, Model model, PixelSize size) {
        Recipe common = recipes.get(0);
        return new PlannedRole(
                model,
                controls(part.apply(common), model, common.sampling().precision(), size),
                imagePrompts(part.apply(common), model, common.sampling().precision()),
                recipes.stream()
                        .map(recipe -> guidance(recipe, part.apply(recipe), model, size))
                        .toList());
    }

    private static Guidance guidance(Recipe recipe, Role part, Model model, PixelSize size) {
        String prompt = first(part.prompt(), recipe.target().prompt());
        String negative = first(part.negative(), recipe.target().negative());
        boolean zeros = negative == null
                && model.zeroForEmptyNegative()
                && recipe.preset() != Preset.REFERENCE; // ComfyUI knows no missing prompt
        return new Guidance(
                new Prompt(model.texts(), size, prompt == null ? "" : prompt),
                zeros ? null : new Prompt(model.texts(), size, negative == null ? "" : negative));
    }

    private static @Nullable String first(@Nullable String own, @Nullable String general) {
        return own != null ? own : general;
    }
}
