package org.deltasampling.lab;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSources;

/**
 * A training run: a learning rate that rises over the first steps and falls to nothing as a cosine, a line of log now and
 * then, and a checkpoint from which the same run goes on after an interruption.
 *
 * @param name what the log and the checkpoint call it
 * @param steps how many in all
 * @param rate the highest learning rate
 * @param averaging see {@link Optimizer}
 * @param seed every step's random numbers follow from it
 * @param folder where the checkpoint is kept
 */
record Loop(String name, int steps, double rate, double averaging, long seed, Path folder, Consumer<String> log) {

    private static final int WARM_UP = 100;
    private static final int LOG_EVERY = 100;
    private static final int SAVE_EVERY = 250;

    /** Trains {@code model} on {@code loss}, a scalar for a step number; leaves the averaged weights in the model. */
    void run(Trainable model, IntFunction<Tensor> loss) {
        try (Optimizer optimizer = new Optimizer(model, averaging)) {
            int done = Files.exists(checkpoint()) ? resume(optimizer) : 0;
            double sum = 0;
            int counted = 0;
            long since = System.nanoTime();
            for (int step = done; step < steps; step++) {
                try (TensorScope scope = TensorScope.recording()) {
                    torch.manual_seed(seed * 1_000_003 + step);
                    Tensor value = loss.apply(step);
                    value.backward();
                    sum += value.item_double();
                    counted++;
                }
                optimizer.step(rateAt(step));
                if ((step + 1) % LOG_EVERY == 0 || step + 1 == steps) {
                    log.accept(String.format(
                            Locale.ROOT,
                            "%s: step %d of %d, loss %.5f, %.3f s a step",
                            name,
                            step + 1,
                            steps,
                            sum / counted,
                            (System.nanoTime() - since) / 1e9 / counted));
                    sum = 0;
                    counted = 0;
                    since = System.nanoTime();
                }
                if ((step + 1) % SAVE_EVERY == 0 || step + 1 == steps) {
                    save(optimizer);
                }
            }
            model.set(optimizer.average());
        }
    }

    private double rateAt(int step) {
        double risen = Math.min(1, (step + 1.0) / WARM_UP);
        return rate * risen * (0.5 + 0.5 * Math.cos(Math.PI * step / steps));
    }

    private Path checkpoint() {
        return folder.resolve(name + ".checkpoint.safetensors");
    }

    private static int stepsOf(WeightFile checkpoint) {
        return Integer.parseInt(checkpoint.metadata().getOrDefault("steps", "0"));
    }

    private int resume(Optimizer optimizer) {
        try (TensorScope scope = TensorScope.open();
                WeightFile file = WeightFile.open(checkpoint())) {
            optimizer.state().forEach((key, tensor) -> tensor.copy_(file.load(key)));
            optimizer.continueFrom(stepsOf(file));
            return optimizer.steps();
        }
    }

    private void save(Optimizer optimizer) {
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> state = new LinkedHashMap<>(optimizer.state());
            SafetensorsWriter.write(
                    checkpoint(), WeightSources.of(state), Map.of("steps", Integer.toString(optimizer.steps())));
        }
    }
}
