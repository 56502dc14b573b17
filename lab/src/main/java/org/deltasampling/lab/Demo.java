package org.deltasampling.lab;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.lab.Drawing.Domain;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.SafetensorsFile;

/**
 * Shows whether Delta Sampling works: styles that the target never saw, learned by adapters of the source, in the target's
 * pictures; for words that both models know and for words that only the target knows.
 */
public final class Demo {

    static final List<Double> LAMBDAS = List.of(0.5, 0.75, 1.0, 1.5);
    static final int SHARED = 64;
    static final int NEW = 32;

    private static final int SHOWN_SHARED = 4;
    private static final int SHOWN_NEW = 3;
    private static final int STEPS = 20;
    private static final double GUIDANCE = 2;

    private final Transfer transfer;
    private final Judge judge;
    private final List<Drawing> drawings;
    private final Consumer<String> progress;

    private Demo(Transfer transfer, Judge judge, List<Drawing> drawings, Consumer<String> progress) {
        this.transfer = transfer;
        this.judge = judge;
        this.drawings = drawings;
        this.progress = progress;
    }

    /**
     * What the demo found.
     *
     * @param grid the pictures
     * @param table what the judge says of them and of more, in lines of text
     * @param verdict one sentence a style: whether it came over
     */
    public record Result(BufferedImage grid, String table, String verdict) {}

    /** The source under an adapter that taught it a style. */
    private record Adapted(Style style, Painter painter) {}

    /** One way of drawing: pictures to show, and the scores on words that both models know and on those new to the source. */
    record Drawn(Grid.Column column, Scores shared, Scores fresh) {}

    /** One style's results: by the target alone, by the adapted source, then with each of {@link #LAMBDAS}. */
    record Findings(Style style, Drawn alone, Drawn adapted, List<Drawn> deltas) {

        String name() {
            return Demo.name(style);
        }
    }

    /**
     * Draws and judges; each way of drawing has a thread of its own, since networks as small as these gain nothing from
     * several.
     *
     * @param models a folder that {@link DemoModels#unpack} filled
     * @param seed of the prompts and the start noise
     * @param progress receives lines of text, from several threads
     */
    public static Result run(Path models, long seed, Consumer<String> progress) {
        int threads = torch.get_num_threads();
        torch.set_num_threads(1);
        try (Painter target = Painter.of(models.resolve("target"));
                Painter source = Painter.of(models.resolve("source"));
                Painter stripes = Painter.with(models.resolve("source"), models.resolve("stripes.safetensors"));
                Painter dusk = Painter.with(models.resolve("source"), models.resolve("dusk.safetensors"));
                Painter lineart = Painter.of(models.resolve("lineart"));
                SafetensorsFile file = SafetensorsFile.open(models.resolve("judge.safetensors"));
                ResidentWeights weights = new ResidentWeights(file, Precision.FLOAT32);
                TensorScope scope = TensorScope.open()) {
            Demo demo = new Demo(
                    new Transfer(target, source, STEPS, GUIDANCE, seed),
                    new Judge(Parameters.from(weights)),
                    drawings(seed),
                    progress);
            return demo.show(List.of(
                    new Adapted(Style.STRIPES, stripes),
                    new Adapted(Style.DUSK, dusk),
                    new Adapted(Style.LINEART, lineart)));
        } finally {
            torch.set_num_threads(threads);
        }
    }

    private static List<Drawing> drawings(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        return Stream.concat(
                        Stream.generate(() -> Drawing.random(Domain.SOURCE, random))
                                .limit(SHARED),
                        Stream.generate(() -> Drawing.random(Domain.TARGET_ONLY, random))
                                .limit(NEW))
                .toList();
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

    private Result show(List<Adapted> styles) {
        progress.accept("drawing %d prompts by the target alone".formatted(drawings.size()));
        Tensor alone = transfer.alone(transfer.target(), prompts());
        List<Callable<Drawn>> tasks = new ArrayList<>();
        for (Adapted one : styles) {
            tasks.add(() -> adapted(one));
            LAMBDAS.forEach(lambda -> tasks.add(() -> delta(one, lambda)));
        }
        List<Drawn> all = sideBySide(tasks);
        int ways = 1 + LAMBDAS.size();
        List<Findings> findings = new ArrayList<>();
        for (int i = 0; i < styles.size(); i++) {
            Style style = styles.get(i).style;
            List<Drawn> own = all.subList(i * ways, (i + 1) * ways);
            findings.add(new Findings(style, drawn("target alone", style, alone), own.get(0), own.subList(1, ways)));
        }
        return result(findings);
    }

    private List<String> prompts() {
        return drawings.stream().map(Drawing::caption).toList();
    }

    private Drawn adapted(Adapted one) {
        try (TensorScope scope = TensorScope.open()) {
            Drawn drawn = drawn("source adapted", one.style, transfer.alone(one.painter, prompts()));
            progress.accept("%s: drawn by the adapted source".formatted(name(one.style)));
            return drawn;
        }
    }

    private Drawn delta(Adapted one, double lambda) {
        try (TensorScope scope = TensorScope.open()) {
            Drawn drawn = drawn("λ = " + lambda, one.style, transfer.delta(one.painter, lambda, prompts()));
            progress.accept("%s: drawn by Delta Sampling at lambda %s".formatted(name(one.style), lambda));
            return drawn;
        }
    }

    private Drawn drawn(String title, Style style, Tensor pictures) {
        Tensor shown = torch.cat(
                new TensorVector(pictures.narrow(0, 0, SHOWN_SHARED), pictures.narrow(0, SHARED, SHOWN_NEW)), 0);
        return new Drawn(
                Grid.Column.of(title, shown),
                Scores.of(judge, pictures.narrow(0, 0, SHARED), drawings.subList(0, SHARED), style),
                Scores.of(judge, pictures.narrow(0, SHARED, NEW), drawings.subList(SHARED, SHARED + NEW), style));
    }

    private Result result(List<Findings> all) {
        List<Grid.Block> blocks = new ArrayList<>();
        blocks.add(new Grid.Block("", List.of(all.get(0).alone.column)));
        for (Findings one : all) {
            List<Grid.Column> columns = Stream.concat(Stream.of(one.adapted), one.deltas.stream())
                    .map(Drawn::column)
                    .toList();
            blocks.add(new Grid.Block(one.name(), columns));
        }
        List<Grid.Row> rows = new ArrayList<>();
        for (int i = 0; i < SHOWN_SHARED; i++) {
            rows.add(new Grid.Row(drawings.get(i).caption(), false));
        }
        for (int i = 0; i < SHOWN_NEW; i++) {
            rows.add(new Grid.Row(
                    "new to the source: " + drawings.get(SHARED + i).caption(), i == 0));
        }
        return new Result(
                new Grid(blocks, rows).draw(),
                ScoreTable.of(all),
                all.stream()
                        .map(one -> Verdict.of(one) + System.lineSeparator())
                        .collect(Collectors.joining()));
    }

    private static String name(Style style) {
        return style.name().toLowerCase(Locale.ROOT);
    }
}
