package org.deltasampling.train;

import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.TensorScope;

/**
 * AdamW (Loshchilov and Hutter 2019, algorithm 2) with the gradient's norm clipped at 1, and an exponential moving average
 * (EMA) of the parameters.
 */
final class Optimizer implements AutoCloseable {

    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.99;
    private static final double EPSILON = 1e-8;
    private static final double WEIGHT_DECAY = 0.01;

    private final TrainableParameters parameters;
    private final double emaDecay;
    private final Held firstMoment;
    private final Held secondMoment;
    private final Held average;
    private int steps;

    /** @param emaDecay the most of the average that one step keeps, such as 0.999; early steps keep less */
    Optimizer(TrainableParameters parameters, double emaDecay) {
        this.parameters = parameters;
        this.emaDecay = emaDecay;
        try (TensorScope scope = TensorScope.open()) {
            firstMoment = Held.of(torch.zeros_like(parameters.values()));
            secondMoment = Held.of(torch.zeros_like(parameters.values()));
            average = Held.of(parameters.values().clone());
        }
    }

    /**
     * One step along the gradients that backward left, which are then zeroed.
     *
     * @throws TrainingException if a gradient is not a finite number
     */
    void step(double learningRate) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor gradient = parameters.gradients();
            double norm = gradient.norm().item_double();
            if (!Double.isFinite(norm)) {
                throw new TrainingException(
                        "the training diverged: the gradient is not a finite number at step %d; lower the learning rate"
                                .formatted(steps + 1));
            }
            steps++;
            if (norm > 1) {
                gradient.mul_(new Scalar(1 / norm));
            }
            firstMoment.tensor().lerp_(gradient, new Scalar(1 - BETA1));
            secondMoment.tensor().mul_(new Scalar(BETA2)).addcmul_(gradient, gradient, new Scalar(1 - BETA2));
            Tensor deviation = secondMoment
                    .tensor()
                    .sqrt()
                    .div_(new Scalar(Math.sqrt(1 - Math.pow(BETA2, steps))))
                    .add_(new Scalar(EPSILON));
            Tensor values = parameters.values();
            values.mul_(new Scalar(1 - learningRate * WEIGHT_DECAY));
            values.addcdiv_(firstMoment.tensor(), deviation, new Scalar(-learningRate / (1 - Math.pow(BETA1, steps))));
            double keep = Math.min(emaDecay, (1.0 + steps) / (10 + steps));
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
                "values", parameters.values(),
                "mean", firstMoment.tensor(),
                "square", secondMoment.tensor(),
                "average", average.tensor());
    }

    /** Continues after {@code count} steps, once {@link #state()} holds what it held then. */
    void resumeAt(int count) {
        steps = count;
    }

    /** The averaged parameters, laid out as {@link TrainableParameters#values()}; borrowed. */
    Tensor average() {
        return average.tensor();
    }

    @Override
    public void close() {
        firstMoment.close();
        secondMoment.close();
        average.close();
    }
}
