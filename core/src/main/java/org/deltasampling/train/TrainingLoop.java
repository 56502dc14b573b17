package org.deltasampling.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.TensorInfo;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSources;
import org.jspecify.annotations.Nullable;

/**
 * A training run: AdamW with a linear warm-up and a cosine decay of the learning rate, an exponential moving average of the
 * parameters, and a checkpoint from which an interrupted run resumes to the same result.
 *
 * @param name of the run in the log and of its checkpoint
 * @param steps of the whole run
 * @param learningRate the highest one
 * @param emaDecay how much of the averaged parameters one step keeps, such as 0.999
 * @param seed of the random numbers of every step
 * @param folder where the checkpoint is kept
 * @param log receives lines of text
 */
public record TrainingLoop(
        String name, int steps, double learningRate, double emaDecay, long seed, Path folder, Consumer<String> log) {

    private static final int WARM_UP = 100;
    private static final int LOG_EVERY = 100;
    private static final int SAVE_EVERY = 250;

    /**
     * Trains {@code parameters} on {@code loss}, a scalar for a step number; leaves the averaged parameters in them. It sets
     * the seed of libtorch's generator before each step.
     *
     * @throws TrainingException if the gradient is not finite
     * @throws BadWeightsException if the checkpoint in the folder is not one of this run
     */
    public void run(TrainableParameters parameters, IntFunction<Tensor> loss) {
        try (Optimizer optimizer = new Optimizer(parameters, emaDecay)) {
            if (Files.exists(checkpoint())) {
                resume(optimizer);
            }
            double sum = 0;
            int counted = 0;
            long since = System.nanoTime();
            for (int step = optimizer.steps(); step < steps; step++) {
                try (TensorScope scope = TensorScope.recording()) {
                    torch.manual_seed(seed * 1_000_003 + step);
                    Tensor value = loss.apply(step);
                    value.backward();
                    sum += value.item_double();
                    counted++;
                }
                optimizer.step(learningRateAt(step));
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
            parameters.set(optimizer.average());
        }
    }

    private double learningRateAt(int step) {
        double warmUp = Math.min(1, (step + 1.0) / WARM_UP);
        return learningRate * warmUp * (0.5 + 0.5 * Math.cos(Math.PI * step / steps));
    }

    private Path checkpoint() {
        return folder.resolve(name + ".checkpoint.safetensors");
    }

    private void resume(Optimizer optimizer) {
        try (TensorScope scope = TensorScope.open();
                WeightFile file = WeightFile.open(checkpoint())) {
            int done = Integer.parseInt(file.metadata().getOrDefault("steps", ""));
            Map<String, Tensor> state = optimizer.state();
            boolean fits = state.entrySet().stream()
                    .allMatch(one -> file.names().contains(one.getKey())
                            && file.info(one.getKey()).equals(TensorInfo.of(one.getValue())));
            if (!fits) {
                throw notOfThisRun(null);
            }
            state.forEach((key, tensor) -> tensor.copy_(file.load(key)));
            optimizer.resumeAt(done);
        } catch (NumberFormatException e) {
            throw notOfThisRun(e);
        }
    }

    private BadWeightsException notOfThisRun(@Nullable Throwable cause) {
        return new BadWeightsException(
                "%s is not a checkpoint of this training: delete it, and the training begins anew"
                        .formatted(checkpoint()),
                cause);
    }

    private void save(Optimizer optimizer) {
        try (TensorScope scope = TensorScope.open()) {
            SafetensorsWriter.write(
                    checkpoint(),
                    WeightSources.of(optimizer.state()),
                    Map.of("steps", Integer.toString(optimizer.steps())));
        }
    }
}
