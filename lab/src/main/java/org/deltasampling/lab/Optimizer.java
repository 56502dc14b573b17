package org.deltasampling.lab;

import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.TensorScope;

/**
 * AdamW (Loshchilov and Hutter 2019, algorithm 2) with the gradient's norm clipped at 1, and a moving average of the
 * weights, which is what is kept in the end.
 */
final class Optimizer implements AutoCloseable {

    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.99;
    private static final double EPSILON = 1e-8;
    private static final double DECAY = 0.01;

    private final Trainable model;
    private final double averaging;
    private final Held mean;
    private final Held square;
    private final Held average;
    private int steps;

    /** @param averaging how much of the average one step keeps at most, such as 0.999 */
    Optimizer(Trainable model, double averaging) {
        this.model = model;
        this.averaging = averaging;
        try (TensorScope scope = TensorScope.open()) {
            mean = Held.of(torch.zeros_like(model.values()));
            square = Held.of(torch.zeros_like(model.values()));
            average = Held.of(model.values().clone());
        }
    }

    /** One step at learning rate {@code rate} along the gradients that backward left, which are zeroed. */
    void step(double rate) {
        try (TensorScope scope = TensorScope.open()) {
            steps++;
            Tensor gradient = model.gradients();
            double norm = gradient.norm().item_double();
            if (!Double.isFinite(norm)) {
                throw new IllegalStateException("the gradient is not finite at step " + steps);
            }
            if (norm > 1) {
                gradient.mul_(new Scalar(1 / norm));
            }
            mean.tensor().lerp_(gradient, new Scalar(1 - BETA1));
            square.tensor().mul_(new Scalar(BETA2)).addcmul_(gradient, gradient, new Scalar(1 - BETA2));
            Tensor spread = square.tensor()
                    .sqrt()
                    .div_(new Scalar(Math.sqrt(1 - Math.pow(BETA2, steps))))
                    .add_(new Scalar(EPSILON));
            Tensor values = model.values();
            values.mul_(new Scalar(1 - rate * DECAY));
            values.addcdiv_(mean.tensor(), spread, new Scalar(-rate / (1 - Math.pow(BETA1, steps))));
            double keep = Math.min(averaging, (1.0 + steps) / (10 + steps));
            average.tensor().lerp_(values, new Scalar(1 - keep));
            gradient.zero_();
        }
    }

    /** Steps taken so far. */
    int steps() {
        return steps;
    }

    /** All that changes from step to step, by name; borrowed. */
    Map<String, Tensor> state() {
        return Map.of(
                "values", model.values(),
                "mean", mean.tensor(),
                "square", square.tensor(),
                "average", average.tensor());
    }

    /** Goes on as if {@code count} steps had been taken: after the {@link #state()} was set to what it was then. */
    void continueFrom(int count) {
        steps = count;
    }

    /** The averaged weights, laid out as the model's values; borrowed. */
    Tensor average() {
        return average.tensor();
    }

    @Override
    public void close() {
        mean.close();
        square.close();
        average.close();
    }
}
