package org.deltasampling.lab;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.lab.Prompts.Prompt;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightFile;

/**
 * Shows whether Delta Sampling works: styles that the target never saw, learned by adapters of the source, in the target's
 * images; for words that both models know and for words that only the target knows.
 */
public final class Demo {

    private static final Extent WHOLE = new Extent(48, 24, 20, 10, 20);
    private static final int SHOWN_SHARED = 4;
    private static final int SHOWN_NEW = 3;
    private static final double GUIDANCE = 2;

    private final Transfer transfer;
    private final Judge judge;
    private final Prompts prompts;
    private final List<Adapted> styles;
    private final List<Destination> destinations;
    private final Consumer<String> progress;

    private Demo(
            Transfer transfer,
            Judge judge,
            Prompts prompts,
            List<Adapted> styles,
            List<Destination> destinations,
            Consumer<String> progress) {
        this.transfer = transfer;
        this.judge = judge;
        this.prompts = prompts;
        this.styles = styles;
        this.destinations = destinations;
        this.progress = progress;
    }

    /**
     * What the demo found.
     *
     * @param grid the images: styles by each target
     * @param bridges more of them: one style by each bridge
     * @param table what the judge says of them and of more, in lines of text
     * @param verdict a sentence for each style and target, whether it came over; and for each target what bridges carried
     */
    public record Result(BufferedImage grid, BufferedImage bridges, String table, String verdict) {}

    /**
     * How much is drawn.
     *
     * @param shared prompts of words that both models know
     * @param fresh of words that are new to the source
     * @param fewerShared the same for targets with an autoencoder of their own, where more ways are tried and some take long
     * @param fewerFresh the same for these
     * @param steps of sampling
     */
    record Extent(int shared, int fresh, int fewerShared, int fewerFresh, int steps) {}

    /** The source under an adapter that taught it a style. */
    private record Adapted(Style style, Painter painter) {}

    /**
     * One way of drawing.
     *
     * @param shown the first images of words that both models know, then the first of words new to the source
     * @param shared the scores on the former
     * @param fresh on the latter
     */
    record Drawn(List<BufferedImage> shown, Scores shared, Scores fresh) {}

    /** One style's results at one target: by the target alone, by the adapted source, then with each of the lambdas. */
    record Findings(Destination to, Style style, Drawn alone, Drawn adapted, List<Drawn> deltas) {

        /** What is shown of them. */
        Drawn shown() {
            return deltas.get(to.lambdas().indexOf(to.shown()));
        }
    }

    /** One style's results at one target by one of the bridges. */
    record Crossing(Destination to, Bridge by, Style style, Drawn drawn) {}

    /**
     * Draws and judges; each way of drawing has a thread of its own, since networks as small as these gain nothing from
     * several.
     *
     * @param models a folder that {@link DemoModels#unpack} filled
     * @param seed of the prompts and the start noise
     * @param progress receives lines of text, from several threads
     */
    public static Result run(Path models, long seed, Consumer<String> progress) {
        return run(models, seed, WHOLE, progress);
    }

    static Result run(Path models, long seed, Extent extent, Consumer<String> progress) {
        int threads = torch.get_num_threads();
        torch.set_num_threads(1);
        try (Painter source = Painter.of(models.resolve("source"));
                Painter target = Painter.of(models.resolve("target"));
                Painter xl = Painter.of(models.resolve("target-xl"));
                Painter sd3 = Painter.of(models.resolve("target-sd3"));
                Painter stripes = Painter.with(models.resolve("source"), models.resolve("stripes.safetensors"));
                Painter dusk = Painter.with(models.resolve("source"), models.resolve("dusk.safetensors"));
                Painter lineart = Painter.of(models.resolve("lineart"));
                WeightFile file = WeightFile.open(models.resolve("judge.safetensors"));
                ResidentWeights weights = new ResidentWeights(file, Precision.FLOAT32);
                TensorScope scope = TensorScope.open()) {
            Prompts prompts = Prompts.random(seed, extent.shared, extent.fresh);
            Prompts fewer = prompts.first(extent.fewerShared, extent.fewerFresh);
            List<Double> higher = List.of(1.0, 1.5);
            progress.accept("fitting bridges between the latents");
            return new Demo(
                            new Transfer(source, extent.steps, GUIDANCE),
                            new Judge(Parameters.from(weights)),
                            prompts,
                            List.of(
                                    new Adapted(Style.STRIPES, stripes),
                                    new Adapted(Style.DUSK, dusk),
                                    new Adapted(Style.LINEART, lineart)),
                            List.of(
                                    new Destination(
                                            "2.x", target, List.of(Bridge.SHARED), List.of(0.75, 1.0, 1.5), 1, prompts),
                                    new Destination("XL", xl, Bridge.between(xl, source, seed), higher, 1.5, fewer),
                                    new Destination("3", sd3, Bridge.between(sd3, source, seed), higher, 1.5, fewer)),
                            progress)
                    .show();
        } finally {
            torch.set_num_threads(threads);
        }
    }

    private static <T> List<T> sideBySide(List<Callable<T>> tasks) {
        ExecutorService threads =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
        try {
            List<T> all = new ArrayList<>();
            for (Future<T> one : threads.invokeAll(tasks)) {
                all.add(one.get());
            }
            return all;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("the demo was interrupted", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException("the demo failed", e);
        } finally {
            threads.shutdownNow();
        }
    }

    /** All that is to be drawn, in the order in which {@link #result} takes it. */
    private Result show() {
        List<Style> wanted = styles.stream().map(Adapted::style).toList();
        List<Callable<List<Drawn>>> tasks = new ArrayList<>();
        for (Adapted one : styles) {
            tasks.add(() -> drawn(
                    name(one.style) + " by the adapted source",
                    prompts,
                    List.of(one.style),
                    all -> transfer.alone(one.painter, all)));
        }
        for (Destination to : destinations) {
            tasks.add(
                    () -> drawn(to.title() + " alone", to.prompts(), wanted, all -> transfer.alone(to.painter(), all)));
            for (Adapted one : styles) {
                for (double lambda : to.lambdas()) {
                    tasks.add(() -> delta(to, to.bridge(), one, lambda, to.prompts()));
                }
            }
        }
        for (Destination to : destinations) {
            for (Bridge by : to.otherBridges()) {
                for (Adapted one : styles) {
                    tasks.add(() -> delta(to, by, one, to.shown(), to.prompts()));
                }
            }
        }
        return result(sideBySide(tasks).stream().flatMap(List::stream).iterator());
    }

    private List<Drawn> delta(Destination to, Bridge by, Adapted one, double lambda, Prompts some) {
        return drawn(
                "%s by %s, %s, at lambda %s".formatted(name(one.style), to.title(), by.name(), lambda),
                some,
                List.of(one.style),
                all -> transfer.delta(to.painter(), by.map(), one.painter, lambda, all));
    }

    /** What is drawn of {@code some}, judged for each of {@code wanted}. */
    private List<Drawn> drawn(String what, Prompts some, List<Style> wanted, Function<List<Prompt>, Tensor> draw) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor images = draw.apply(some.all());
            Tensor shared = images.narrow(0, 0, some.shared().size());
            Tensor fresh = images.narrow(0, some.shared().size(), some.fresh().size());
            List<BufferedImage> shown = Stream.concat(
                            Grid.images(shared.narrow(0, 0, SHOWN_SHARED)).stream(),
                            Grid.images(fresh.narrow(0, 0, SHOWN_NEW)).stream())
                    .toList();
            progress.accept("drawn: " + what);
            return wanted.stream()
                    .map(style -> new Drawn(
                            shown,
                            Scores.of(judge, shared, drawings(some.shared()), style),
                            Scores.of(judge, fresh, drawings(some.fresh()), style)))
                    .toList();
        }
    }

    private static List<Drawing> drawings(List<Prompt> prompts) {
        return prompts.stream().map(Prompt::drawing).toList();
    }

    private Result result(Iterator<Drawn> all) {
        List<Drawn> adapted = take(all, styles.size());
        List<Findings> findings = new ArrayList<>();
        for (Destination to : destinations) {
            List<Drawn> alone = take(all, styles.size());
            for (int i = 0; i < styles.size(); i++) {
                findings.add(new Findings(
                        to,
                        styles.get(i).style,
                        alone.get(i),
                        adapted.get(i),
                        take(all, to.lambdas().size())));
            }
        }
        List<Crossing> crossings = new ArrayList<>();
        for (Destination to :
                destinations.stream().filter(to -> !to.otherBridges().isEmpty()).toList()) {
            findings.stream()
                    .filter(one -> one.to.equals(to))
                    .forEach(one -> crossings.add(new Crossing(to, to.bridge(), one.style, one.shown())));
            for (Bridge by : to.otherBridges()) {
                styles.forEach(one -> crossings.add(new Crossing(to, by, one.style, all.next())));
            }
        }
        return new Result(
                grid(findings).draw(),
                bridges(crossings).draw(),
                ScoreTable.of(findings, crossings),
                verdict(findings, crossings));
    }

    private String verdict(List<Findings> findings, List<Crossing> crossings) {
        double same = findings.stream()
                .filter(one -> one.to.bridge().equals(Bridge.SHARED))
                .mapToDouble(one -> one.shown().shared().style())
                .average()
                .orElseThrow();
        return Stream.concat(
                        findings.stream().map(Verdict::of),
                        destinations.stream()
                                .filter(to -> !to.otherBridges().isEmpty())
                                .map(to -> Verdict.of(to, crossings, same)))
                .map(sentence -> sentence + System.lineSeparator())
                .collect(Collectors.joining());
    }

    private static <T> List<T> take(Iterator<T> all, int count) {
        return Stream.generate(all::next).limit(count).toList();
    }

    /** The targets alone; then for each style the adapted source and the targets with its delta. */
    private Grid grid(List<Findings> findings) {
        List<Grid.Block> blocks = new ArrayList<>();
        blocks.add(new Grid.Block("alone", columns(of(findings, styles.get(0).style), Findings::alone, "")));
        for (Adapted one : styles) {
            List<Findings> own = of(findings, one.style);
            List<Grid.Column> columns = new ArrayList<>();
            columns.add(new Grid.Column("1.x, adapted", own.get(0).adapted.shown));
            columns.addAll(columns(own, Findings::shown, ", λ = "));
            blocks.add(new Grid.Block(name(one.style), columns));
        }
        return new Grid(blocks, rows());
    }

    private static List<Findings> of(List<Findings> findings, Style style) {
        return findings.stream().filter(one -> one.style == style).toList();
    }

    private static List<Grid.Column> columns(List<Findings> own, Function<Findings, Drawn> which, String lambda) {
        return own.stream()
                .map(one -> new Grid.Column(
                        one.to.title() + (lambda.isEmpty() ? "" : lambda + one.to.shown()), which.apply(one).shown))
                .toList();
    }

    /** For each target the bridges side by side, the styles below each other. */
    private Grid bridges(List<Crossing> crossings) {
        List<Grid.Block> blocks = new ArrayList<>();
        for (Destination to : crossings.stream().map(Crossing::to).distinct().toList()) {
            List<Grid.Column> columns = new ArrayList<>();
            for (Bridge by : to.bridges()) {
                columns.add(new Grid.Column(
                        by.name(),
                        crossings.stream()
                                .filter(c -> c.to.equals(to) && c.by.equals(by))
                                .flatMap(c -> Stream.of(0, 1, SHOWN_SHARED).map(c.drawn.shown::get))
                                .toList()));
            }
            blocks.add(new Grid.Block("%s, λ = %s".formatted(to.title(), to.shown()), columns));
        }
        List<Grid.Row> rows = new ArrayList<>();
        for (Adapted one : styles) {
            rows.add(new Grid.Row(name(one.style) + ": " + caption(0), !rows.isEmpty()));
            rows.add(new Grid.Row(name(one.style) + ": " + caption(1), false));
            rows.add(new Grid.Row(name(one.style) + ", " + caption(SHOWN_SHARED), false));
        }
        return new Grid(blocks, rows);
    }

    private List<Grid.Row> rows() {
        return IntStream.range(0, SHOWN_SHARED + SHOWN_NEW)
                .mapToObj(row -> new Grid.Row(caption(row), row == SHOWN_SHARED))
                .toList();
    }

    /** What is shown in a row. */
    private String caption(int row) {
        return row < SHOWN_SHARED
                ? prompts.shared().get(row).caption()
                : "new to the source: "
                        + prompts.fresh().get(row - SHOWN_SHARED).caption();
    }

    /** The style's name for people. */
    static String name(Style style) {
        return style.name().toLowerCase(Locale.ROOT);
    }
}
