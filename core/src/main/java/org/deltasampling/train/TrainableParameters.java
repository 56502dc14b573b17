package org.deltasampling.train;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.TensorInfo;
import org.deltasampling.weights.WeightSource;

/**
 * The parameters of a model in training: leaves of autograd that are views of one flat float32 tensor, with their gradients
 * views of another, so that an optimizer's step is a few operations whatever the number of layers. Convolution weights are
 * channels-last, which is the faster layout on CPUs.
 */
public final class TrainableParameters implements Parameters, WeightSource, AutoCloseable {

    private final Map<String, long[]> shapes;
    private final Map<String, Held> leaves = new LinkedHashMap<>();
    private final Held values;
    private final Held gradients;

    private TrainableParameters(Map<String, long[]> shapes) {
        this.shapes = shapes;
        long count =
                shapes.values().stream().mapToLong(TrainableParameters::count).sum();
        try (TensorScope scope = TensorScope.open()) {
            values = Held.of(torch.zeros(count));
            gradients = Held.of(torch.zeros(count));
            long offset = 0;
            for (Map.Entry<String, long[]> entry : shapes.entrySet()) {
                long[] shape = entry.getValue();
                Tensor leaf = view(values.tensor(), offset, shape).detach();
                leaf.set_requires_grad(true);
                leaf.mutable_grad().put(view(gradients.tensor(), offset, shape));
                leaves.put(entry.getKey(), Held.of(leaf));
                offset += count(shape);
            }
        }
    }

    /** The parameters that {@code model} declares, initialised as PyTorch's layers are, by libtorch's generator. */
    public static TrainableParameters initialised(Consumer<Parameters> model) {
        TrainableParameters result = new TrainableParameters(Parameters.declaredBy(model));
        Initialisation initialisation = new Initialisation(result.shapes);
        try (TensorScope scope = TensorScope.open()) {
            result.leaves.forEach((name, leaf) -> initialisation.apply(name, leaf.tensor()));
        }
        return result;
    }

    /**
     * The parameters that {@code model} declares, copied from {@code source}, which has them under the same names.
     *
     * @throws BadWeightsException if one of them is missing
     */
    public static TrainableParameters startingFrom(WeightSource source, Consumer<Parameters> model) {
        TrainableParameters result = new TrainableParameters(Parameters.declaredBy(model));
        try (TensorScope scope = TensorScope.open()) {
            result.leaves.forEach((name, leaf) -> leaf.tensor().copy_(source.load(name)));
        }
        return result;
    }

    @Override
    public Tensor get(String name, long... shape) {
        Held leaf = leaves.get(name);
        if (leaf == null || !Arrays.equals(shapes.get(name), shape)) {
            throw new IllegalArgumentException(
                    "the model asked for " + name + Arrays.toString(shape) + ", which it had not declared");
        }
        return leaf.tensor();
    }

    @Override
    public Set<String> names() {
        return shapes.keySet();
    }

    @Override
    public TensorInfo info(String name) {
        long[] shape = shapes.get(name);
        if (shape == null) {
            throw new BadWeightsException("the model in training has no parameter " + name);
        }
        return new TensorInfo(torch.ScalarType.Float, shape);
    }

    /** The parameter as it is now, outside of autograd: a view, which training changes. */
    @Override
    public Tensor load(String name) {
        return get(name, info(name).shape()).detach();
    }

    /** How many numbers they are in all. */
    public long count() {
        return values.tensor().numel();
    }

    /** Takes the values of {@code flat}, laid out as {@link #values()}. */
    void set(Tensor flat) {
        try (TensorScope scope = TensorScope.open()) {
            values.tensor().copy_(flat);
        }
    }

    /** All values, one dimension; borrowed. */
    Tensor values() {
        return values.tensor();
    }

    /** All gradients, in the order of {@link #values()}; borrowed. */
    Tensor gradients() {
        return gradients.tensor();
    }

    @Override
    public void close() {
        leaves.values().forEach(Held::close);
        values.close();
        gradients.close();
    }

    private static Tensor view(Tensor flat, long offset, long[] shape) {
        Tensor part = flat.narrow(0, offset, count(shape));
        return shape.length == 4
                ? part.view(shape[0], shape[2], shape[3], shape[1]).permute(0, 3, 1, 2)
                : part.view(shape);
    }

    private static long count(long[] shape) {
        return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }
}
