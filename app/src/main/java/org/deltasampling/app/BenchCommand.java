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
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.generate.Generation;
import org.deltasampling.generate.Recipe;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.ResidentWeights;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code bench}: makes one picture as {@code generate} would, and says what it cost. */
@Command(
        name = "bench",
        description = "Measures one picture: time to load, to the first step, for each step and to decode; peak memory."
                + " With --unet, single passes of the target's UNet.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class BenchCommand implements Callable<Integer> {

    private static final int PASSES = 5;
    private static final int TOKENS = 77;

    @Mixin
    RecipeOptions options = new RecipeOptions();

    @Option(
            names = "--unet",
            description =
                    "Measures UNet passes instead: two latents of --size (default 512x512), as guidance needs, in --precision.")
    boolean unet;

    @Spec
    @Nullable
    CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
        Recipe recipe = options.over(null).singles().get(0);
        if (unet) {
            List<Long> times = passes(recipe);
            print(out, "fastest pass", times.get(0));
            print(out, "middle pass", times.get(PASSES / 2));
        } else {
            picture(recipe, out);
        }
        out.printf(Locale.ROOT, "%-16s %s%n", "peak memory", peakMemory());
        return Main.OK;
    }

    private static void picture(Recipe recipe, PrintWriter out) {
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
    }

    /** Nanoseconds of each pass, the fastest first; one pass before them is not counted. */
    private static List<Long> passes(Recipe recipe) {
        Recipe.Sampling sampling = recipe.sampling();
        Recipe.Size size = Objects.requireNonNullElse(sampling.size(), new Recipe.Size(512, 512));
        try (Checkpoint checkpoint =
                        Checkpoint.open(Objects.requireNonNull(recipe.target().model()));
                ResidentWeights weights = new ResidentWeights(checkpoint.unet().weights(), sampling.precision());
                TensorScope scope = TensorScope.open()) {
            UNet.Config config = checkpoint.unet().config();
            UNet network = new UNet(config, Parameters.from(weights));
            Tensor x = torch.randn(2, config.inChannels(), size.height() / 8, size.width() / 8);
            Tensor timesteps = torch.ones(2).mul(new Scalar(500.0));
            Conditioning told = told(config, size);
            List<Long> times = new ArrayList<>();
            for (int i = 0; i <= PASSES; i++) {
                long begin = System.nanoTime();
                try (TensorScope pass = TensorScope.open()) {
                    network.predict(x, timesteps, told);
                }
                times.add(System.nanoTime() - begin);
            }
            return times.stream().skip(1).sorted().toList();
        }
    }

    private static Conditioning told(UNet.Config config, Recipe.Size size) {
        Tensor tokens = torch.randn(2, TOKENS, config.contextWidth());
        if (config.pooledWidth() == 0) {
            return new Conditioning(tokens);
        }
        float[] sizes = {size.height(), size.width(), 0, 0, size.height(), size.width()};
        return new Conditioning(
                tokens,
                torch.randn(2, config.pooledWidth()),
                Tensor.create(sizes, 1, 6).expand(2, 6));
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
