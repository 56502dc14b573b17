package org.deltasampling.app;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.nn.Parameters;
import org.deltasampling.pipeline.MachineMemory;
import org.deltasampling.pipeline.MemoryPlan;
import org.deltasampling.pipeline.Pipeline;
import org.deltasampling.pipeline.PipelineListener;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.ResidentWeights;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code bench}: makes one image as {@code generate} would, and says what it cost. */
@Command(
        name = "bench",
        description = "Measures one image: time to load, to the first step, for each step and to decode; peak memory."
                + " With --unet, single passes of the target's UNet.")
final class BenchCommand extends Subcommand {

    private static final int PASSES = 5;
    private static final int TOKENS = 77;

    @Mixin
    RecipeOptions options = new RecipeOptions();

    @Mixin
    MachineOptions machine = new MachineOptions();

    @Option(
            names = "--unet",
            description =
                    "Measures UNet passes instead: two latents of --size (default 512x512), as guidance needs, in --precision.")
    boolean unet;

    @Override
    void run() {
        Recipe recipe = options.over(null).singles().get(0);
        if (unet) {
            List<Long> times = passes(recipe);
            print("fastest pass", times.get(0), "");
            print("middle pass", times.get(PASSES / 2), "");
            out().printf("%-16s %s%n", "peak memory", gibibytes(MachineMemory.peak()));
        } else {
            image(recipe);
        }
    }

    private void image(Recipe recipe) {
        Clock clock = new Clock();
        try (Pipeline pipeline = new Pipeline(machine.options().withoutHashes())) {
            pipeline.generate(recipe, clock);
        }
        clock.spent.forEach((what, spent) -> print(what, spent.nanoseconds, "   " + gibibytes(spent.peak)));
        OptionalLong most = clock.spent.values().stream()
                .flatMapToLong(spent -> spent.peak.stream())
                .max();
        out().printf("%-16s %s, planned %s%n", "peak memory", gibibytes(most), gibibytes(clock.planned));
    }

    /** Nanoseconds of each pass, the fastest first; one pass before them is not counted. */
    private static List<Long> passes(Recipe recipe) {
        Recipe.Sampling sampling = recipe.sampling();
        PixelSize size = Objects.requireNonNullElse(sampling.size(), new PixelSize(512, 512));
        try (Checkpoint checkpoint =
                        Checkpoint.open(Objects.requireNonNull(recipe.target().model()));
                ResidentWeights weights = new ResidentWeights(checkpoint.unet().weights(), sampling.precision());
                TensorScope scope = TensorScope.open()) {
            UNet.Config config = checkpoint.unet().config();
            UNet network = new UNet(config, Parameters.from(weights));
            Tensor x = torch.randn(2, config.inChannels(), size.height() / 8, size.width() / 8);
            Tensor timesteps = torch.ones(2).mul(new Scalar(500.0));
            Conditioning conditioning = conditioning(config, size);
            List<Long> times = new ArrayList<>();
            for (int i = 0; i <= PASSES; i++) {
                long begin = System.nanoTime();
                try (TensorScope pass = TensorScope.open()) {
                    network.predict(x, timesteps, conditioning);
                }
                times.add(System.nanoTime() - begin);
            }
            return times.stream().skip(1).sorted().toList();
        }
    }

    private static Conditioning conditioning(UNet.Config config, PixelSize size) {
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

    private void print(String what, long nanoseconds, String more) {
        out().printf(Locale.ROOT, "%-16s %.3f s%s%n", what, nanoseconds / 1e9, more);
    }

    private static String gibibytes(OptionalLong bytes) {
        return bytes.isPresent()
                ? String.format(Locale.ROOT, "%.2f GiB", bytes.getAsLong() / (double) (1 << 30))
                : "not known on this system";
    }

    /** Time, and the most memory in it. */
    private record Spent(long nanoseconds, OptionalLong peak) {

        private Spent and(Spent more) {
            return new Spent(
                    nanoseconds + more.nanoseconds,
                    peak.isPresent() && more.peak.isPresent()
                            ? OptionalLong.of(Math.max(peak.getAsLong(), more.peak.getAsLong()))
                            : OptionalLong.empty());
        }
    }

    /** What was spent on what, in the order of first doing it; a later step is the mean of all but the first. */
    private static final class Clock implements PipelineListener {

        private static final String LATER = "each later step";

        private final Map<String, Spent> spent = new LinkedHashMap<>();
        private OptionalLong planned = OptionalLong.empty();
        private String doing = "load";
        private long since = System.nanoTime();

        private void now(String next) {
            long time = System.nanoTime();
            spent.merge(doing, new Spent(time - since, MachineMemory.peak()), Spent::and);
            MachineMemory.forgetPeak();
            doing = next;
            since = time;
        }

        @Override
        public void plan(MemoryPlan plan) {
            planned = OptionalLong.of(plan.peak());
        }

        @Override
        public void encoding(Path model) {
            now("text");
        }

        @Override
        public void loading(Path model) {
            now("load");
        }

        @Override
        public void step(int done, int steps) {
            now(done == 0 ? "first step" : done < steps ? LATER : "decode");
            if (done == steps) {
                spent.computeIfPresent(LATER, (what, all) -> new Spent(all.nanoseconds / (steps - 1), all.peak));
            }
        }

        @Override
        public void decoded() {
            now("");
        }
    }
}
