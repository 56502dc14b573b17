package org.deltasampling.lab;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.lab.Prompts.Prompt;
import org.deltasampling.nn.Parameters;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Role;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightFile;

/**
 * Measures whether Delta Sampling works: transfers styles, which adapters of the source have learned and no target was
 * trained on, to the targets' images; for words that both models know and for words that only the targets know.
 */
public final class Demo {

    private static final Extent FULL = new Extent(48, 24, 20, 10, 20);
    private static final double GUIDANCE = 2;

    private final Recipes recipes;
    private final Classifier classifier;
    private final Prompts prompts;
    private final List<Adapted> adaptations;
    private final List<Target> targets;
    private final Workers workers;
    private final Pipelines pipelines;
    private final Consumer<String> progress;

    private Demo(
            Recipes recipes,
            Classifier classifier,
            Prompts prompts,
            List<Adapted> adaptations,
            List<Target> targets,
            Workers workers,
            Pipelines pipelines,
            Consumer<String> progress) {
        this.recipes = recipes;
        this.classifier = classifier;
        this.prompts = prompts;
        this.adaptations = adaptations;
        this.targets = targets;
        this.workers = workers;
        this.pipelines = pipelines;
        this.progress = progress;
    }

    /**
     * What the demo found.
     *
     * @param grid the images: styles by each target
     * @param bridges more images: the styles by each bridge
     * @param table the scores of these and more images, in lines of text
     * @param verdict a sentence for each style and target, whether it transfers; and one for each target with several bridges
     */
    public record Result(BufferedImage grid, BufferedImage bridges, String table, String verdict) {}

    /**
     * How much is sampled.
     *
     * @param shared prompts of words that both models know
     * @param novel of words that are new to the source
     * @param fewerShared the same for targets with an autoencoder of their own, where several bridges are tried and some are
     *     slow
     * @param fewerNovel the same for these
     * @param steps of the sampler
     */
    record Extent(int shared, int novel, int fewerShared, int fewerNovel, int steps) {}

    /** The source adapted to a style. */
    private record Adapted(Style style, Role model) {}

    /**
     * Samples and scores; each set of images uses one thread, since networks as small as these gain nothing from several.
     *
     * @param models a folder that {@link DemoModels#unpack} filled; receives the fitted bridges
     * @param seed of the prompts and the start noise
     * @param progress receives lines of text, from several threads
     */
    public static Result run(Path models, long seed, Consumer<String> progress) {
        return run(models, seed, FULL, progress);
    }

    static Result run(Path models, long seed, Extent extent, Consumer<String> progress) {
        int threads = torch.get_num_threads();
        torch.set_num_threads(1);
        Path source = models.resolve("source");
        Role base = Role.of(source);
        try (WeightFile file = WeightFile.open(models.resolve("classifier.safetensors"));
                ResidentWeights weights = new ResidentWeights(file, Precision.FLOAT32);
                TensorScope scope = TensorScope.open();
                Pipelines pipelines = new Pipelines();
                Workers workers = new Workers()) {
            Prompts prompts = Prompts.random(seed, extent.shared, extent.novel);
            Prompts fewer = prompts.first(extent.fewerShared, extent.fewerNovel);
            List<Double> higher = List.of(1.0, 1.5);
            Path xl = models.resolve("target-xl");
            Path sd3 = models.resolve("target-sd3");
            progress.accept("fitting bridges between the latents");
            Supplier<List<NamedBridge>> toXl =
                    workers.submit(() -> NamedBridge.between(source, xl, seed, models, "source-to-xl"));
            Supplier<List<NamedBridge>> toSd3 =
                    workers.submit(() -> NamedBridge.between(source, sd3, seed, models, "source-to-sd3"));
            return new Demo(
                            new Recipes(base, extent.steps, GUIDANCE),
                            new Classifier(Parameters.from(weights)),
                            prompts,
                            List.of(
                                    new Adapted(Style.STRIPES, base.plus(lora(models, "stripes.safetensors"))),
                                    new Adapted(Style.DUSK, base.plus(lora(models, "dusk.safetensors"))),
                                    new Adapted(Style.LINEART, Role.of(models.resolve("lineart")))),
                            List.of(
                                    new Target(
                                            "2.x",
                                            Role.of(models.resolve("target")),
                                            List.of(NamedBridge.SHARED),
                                            List.of(0.75, 1.0, 1.5),
                                            1,
                                            prompts),
                                    new Target("XL", Role.of(xl), toXl.get(), higher, 1.5, fewer),
                                    new Target("3", Role.of(sd3), toSd3.get(), higher, 1.5, fewer)),
                            workers,
                            pipelines,
                            progress)
                    .result();
        } finally {
            torch.set_num_threads(threads);
        }
    }

    private static Lora lora(Path models, String file) {
        return new Lora(models.resolve(file), 1);
    }

    private Result result() {
        List<Style> styles = adaptations.stream().map(Adapted::style).toList();
        List<Supplier<StyleResult>> styleTasks = styleTasks(styles);
        List<Supplier<BridgeResult>> bridgeTasks = bridgeTasks();
        List<StyleResult> styleResults = styleTasks.stream().map(Supplier::get).toList();
        List<BridgeResult> bridgeResults = Stream.concat(
                        styleResults.stream()
                                .filter(one -> !one.target().otherBridges().isEmpty())
                                .map(one -> new BridgeResult(
                                        one.target(), one.target().bridge(), one.style(), one.shown())),
                        bridgeTasks.stream().map(Supplier::get))
                .toList();
        List<BridgeResult> byTarget = targets.stream()
                .flatMap(target ->
                        bridgeResults.stream().filter(one -> one.target().equals(target)))
                .toList();
        Figures figures = new Figures(prompts, styles);
        return new Result(
                figures.ofStyles(styleResults).draw(),
                figures.ofBridges(byTarget).draw(),
                ScoreTable.of(styleResults, byTarget),
                verdict(styleResults, byTarget));
    }

    /** A result for each target and, within it, style. */
    private List<Supplier<StyleResult>> styleTasks(List<Style> styles) {
        List<Supplier<Samples>> adapted = new ArrayList<>();
        for (Adapted one : adaptations) {
            adapted.add(workers.submit(() -> samples(
                            one.style.title() + " by the adapted source",
                            prompts,
                            List.of(one.style),
                            prompt -> recipes.alone(one.model, prompt))
                    .get(0)));
        }
        List<Supplier<StyleResult>> results = new ArrayList<>();
        for (Target target : targets) {
            Supplier<List<Samples>> alone = workers.submit(() -> samples(
                    target.title() + " alone",
                    target.prompts(),
                    styles,
                    prompt -> recipes.alone(target.model(), prompt)));
            for (int i = 0; i < adaptations.size(); i++) {
                int index = i;
                Adapted one = adaptations.get(i);
                List<Supplier<Samples>> deltas = target.lambdas().stream()
                        .map(lambda -> workers.submit(() -> delta(target, target.bridge(), one, lambda)))
                        .toList();
                results.add(() -> new StyleResult(
                        target,
                        one.style,
                        alone.get().get(index),
                        adapted.get(index).get(),
                        deltas.stream().map(Supplier::get).toList()));
            }
        }
        return results;
    }

    /** A result for each target, each of its other bridges and, within it, style. */
    private List<Supplier<BridgeResult>> bridgeTasks() {
        List<Supplier<BridgeResult>> results = new ArrayList<>();
        for (Target target : targets) {
            for (NamedBridge bridge : target.otherBridges()) {
                for (Adapted one : adaptations) {
                    results.add(workers.submit(() ->
                            new BridgeResult(target, bridge, one.style, delta(target, bridge, one, target.shown()))));
                }
            }
        }
        return results;
    }

    private Samples delta(Target target, NamedBridge bridge, Adapted one, double lambda) {
        return samples(
                        "%s by %s, %s, at lambda %s"
                                .formatted(one.style.title(), target.title(), bridge.name(), lambda),
                        target.prompts(),
                        List.of(one.style),
                        prompt -> recipes.delta(target.model(), bridge.bridge(), one.model, lambda, prompt))
                .get(0);
    }

    /** The images of {@code some} prompts, scored for each of {@code styles}. */
    private List<Samples> samples(String title, Prompts some, List<Style> styles, Function<Prompt, Recipe> recipe) {
        List<BufferedImage> images =
                pipelines.generate(some.all().stream().map(recipe).toList());
        List<BufferedImage> shared = images.subList(0, some.shared().size());
        List<BufferedImage> novel = images.subList(some.shared().size(), images.size());
        List<BufferedImage> shown = new ArrayList<>(shared.subList(0, Figures.SHARED));
        shown.addAll(novel.subList(0, Figures.NOVEL));
        progress.accept("sampled: " + title);
        return styles.stream()
                .map(style -> new Samples(
                        shown,
                        Scores.of(classifier, shared, drawings(some.shared()), style),
                        Scores.of(classifier, novel, drawings(some.novel()), style)))
                .toList();
    }

    private static List<Drawing> drawings(List<Prompt> prompts) {
        return prompts.stream().map(Prompt::drawing).toList();
    }

    private String verdict(List<StyleResult> styleResults, List<BridgeResult> bridgeResults) {
        double shared = styleResults.stream()
                .filter(one -> one.target().bridge().equals(NamedBridge.SHARED))
                .mapToDouble(one -> one.shown().shared().style())
                .average()
                .orElseThrow();
        return Stream.concat(
                        styleResults.stream().map(Verdict::of),
                        targets.stream()
                                .filter(target -> !target.otherBridges().isEmpty())
                                .map(target -> Verdict.of(target, bridgeResults, shared)))
                .map(sentence -> sentence + System.lineSeparator())
                .collect(Collectors.joining());
    }
}
