package org.deltasampling.lab;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Scalar;
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
 * views of another, so that an optimiser's step is a few operations whatever the number of layers. Convolution weights lie
 * channels-last, which is the faster layout on CPUs.
 */
final class Trainable implements Parameters, WeightSource, AutoCloseable {

    private final Map<String, long[]> shapes;
    private final Map<String, Held> leaves = new LinkedHashMap<>();
    private final Held values;
    private final Held gradients;

    private Trainable(Map<String, long[]> shapes) {
        this.shapes = shapes;
        long count = shapes.values().stream().mapToLong(Trainable::count).sum();
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

    /** What {@code model} declares, initialised as PyTorch's layers are, from libtorch's generator. */
    static Trainable initialised(Consumer<Parameters> model) {
        Trainable result = new Trainable(Parameters.declaredBy(model));
        try (TensorScope scope = TensorScope.open()) {
            result.leaves.forEach((name, leaf) -> result.initialise(name, leaf.tensor()));
        }
        return result;
    }

    /** What {@code model} declares, starting from {@code source}, whose names are the model's. */
    static Trainable startingFrom(WeightSource source, Consumer<Parameters> model) {
        Trainable result = new Trainable(Parameters.declaredBy(model));
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
            throw new BadWeightsException("there is no parameter " + name + " in this model in training");
        }
        return new TensorInfo(torch.ScalarType.Float, shape);
    }

    @Override
    public Tensor load(String name) {
        return get(name, info(name).shape()).detach();
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

    /** What a transformer does to its streams by the moment; nothing at first (Peebles and Xie 2023, section 3.2). */
    private static final List<String> MODULATIONS =
            List.of("norm1.linear.", "norm1_context.linear.", "norm_out.linear.");

    /** Norms one and zero, embeddings and places normal, everything else uniform within 1 / sqrt(inputs). */
    private void initialise(String name, Tensor leaf) {
        if (name.endsWith("embedding.weight")) {
            leaf.normal_().mul_(new Scalar(0.02));
            return;
        }
        if (name.endsWith("pos_embed.pos_embed")) {
            leaf.normal_().mul_(new Scalar(0.5));
            return;
        }
        if (LowRankUpdate.startsAtZero(name) || MODULATIONS.stream().anyMatch(name::contains)) {
            return;
        }
        boolean bias = name.endsWith(".bias");
        long[] weight = bias ? shapes.get(name.substring(0, name.length() - 4) + "weight") : shapes.get(name);
        if (weight == null || weight.length == 1) {
            leaf.fill_(new Scalar(bias ? 0.0 : 1.0));
            return;
        }
        double bound = Math.sqrt((double) weight[0] / count(weight));
        leaf.copy_(torch.rand(shapes.get(name)).mul_(new Scalar(2 * bound)).sub_(new Scalar(bound)));
    }
}
