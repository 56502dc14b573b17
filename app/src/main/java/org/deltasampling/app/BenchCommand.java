package org.deltasampling.app;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.deltasampling.generate.Generation;
import org.deltasampling.generate.Recipe;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code bench}: makes one picture as {@code generate} would, and says what it cost. */
@Command(
        name = "bench",
        description =
                "Measures one picture: time to load, to the first step, for each step and to decode; peak memory.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class BenchCommand implements Callable<Integer> {

    @Mixin
    RecipeOptions options = new RecipeOptions();

    @Spec
    @Nullable
    CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
        Recipe recipe = options.over(null).singles().get(0);
        Clock clock = new Clock();
        try (Generation generation = new Generation(clock)) {
            generation.picture(recipe);
        }
        long end = System.nanoTime();
        List<Long> steps = clock.steps;
        long begin = steps.get(0);
        long last = steps.get(steps.size() - 1);
        print(out, "load", begin - clock.start);
        print(out, "first step", steps.get(1) - begin);
        if (steps.size() > 2) {
            print(out, "each later step", (last - steps.get(1)) / (steps.size() - 2));
        }
        print(out, "decode", end - last);
        out.printf(Locale.ROOT, "%-16s %s%n", "peak memory", peakMemory());
        return Main.OK;
    }

    private static void print(PrintWriter out, String what, long nanoseconds) {
        out.printf(Locale.ROOT, "%-16s %.3f s%n", what, nanoseconds / 1e9);
    }

    /** The most of this process that was ever in memory, as Linux counts it. */
    private static String peakMemory() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("VmHWM:")) {
                    double kilobytes = Double.parseDouble(line.replaceAll("\\D", ""));
                    return String.format(Locale.ROOT, "%.2f GiB", kilobytes / (1 << 20));
                }
            }
        } catch (IOException e) {
            // another system: there is no such file
        }
        return "not known on this system";
    }

    /** When each step ended; the first time is when the first step began. */
    private static final class Clock implements Generation.Listener {

        private final long start = System.nanoTime();
        private final List<Long> steps = new ArrayList<>();

        @Override
        public void step(int done, int all) {
            steps.add(System.nanoTime());
        }
    }
}
