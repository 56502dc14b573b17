package org.deltasampling.bridge;

import java.nio.DoubleBuffer;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;

/**
 * An affine map from the channels of a latent to other channels, at each place by itself or with its eight neighbours. Plain
 * numbers: it belongs to no region.
 */
public final class ChannelMap {

    /** Singular values below this part of the largest are taken for none. */
    private static final double NOTHING = 1e-6;

    private final int outputs;
    private final int inputs;
    private final int side;
    private final double[] weights;
    private final double[] bias;

    /**
     * @param side 1, or 3 for a map that sees the neighbours
     * @param weights (outputs, inputs, side, side), the last axis fastest
     * @param bias one for each output
     * @throws IllegalArgumentException if the numbers do not fit together
     */
    public ChannelMap(int outputs, int inputs, int side, double[] weights, double[] bias) {
        if ((side != 1 && side != 3) || weights.length != outputs * inputs * side * side || bias.length != outputs) {
            throw new IllegalArgumentException("%d weights and %d biases are no map of %d channels to %d, %dx%d"
                    .formatted(weights.length, bias.length, inputs, outputs, side, side));
        }
        this.outputs = outputs;
        this.inputs = inputs;
        this.side = side;
        this.weights = weights.clone();
        this.bias = bias.clone();
    }

    /** The map {@code matrix} at each place, {@code matrix[output][input]}, without a bias. */
    public static ChannelMap of(double[]... matrix) {
        return of(matrix, new double[matrix.length]);
    }

    /** The map {@code matrix} at each place, {@code matrix[output][input]}, and then {@code bias}. */
    public static ChannelMap of(double[][] matrix, double[] bias) {
        int inputs = matrix[0].length;
        double[] weights = new double[matrix.length * inputs];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = matrix[i / inputs][i % inputs];
        }
        return new ChannelMap(matrix.length, inputs, 1, weights, bias);
    }

    /** The map of a convolution: {@code weights} (outputs, inputs, side, side) and {@code bias}, of any precision. */
    public static ChannelMap of(Tensor weights, Tensor bias) {
        try (TensorScope scope = TensorScope.open()) {
            return new ChannelMap(
                    Math.toIntExact(weights.size(0)),
                    Math.toIntExact(weights.size(1)),
                    Math.toIntExact(weights.size(2)),
                    numbers(weights.to(torch.ScalarType.Double)),
                    numbers(bias.to(torch.ScalarType.Double)));
        }
    }

    public int outputs() {
        return outputs;
    }

    public int inputs() {
        return inputs;
    }

    /** 1, or 3 where the neighbours count. */
    public int side() {
        return side;
    }

    /** (outputs, inputs, side, side), the last axis fastest, as a copy. */
    public double[] weights() {
        return weights.clone();
    }

    /** As a copy. */
    public double[] bias() {
        return bias.clone();
    }

    /** The image of {@code x}; at the edges the neighbours are mirrored, so each side of {@code x} is at least (side + 1) / 2. */
    public Latent apply(Latent x) {
        return convolved(x, new TensorOptional(Tensor.create(bias).type_as(x.tensor())));
    }

    /** The image of a difference: as {@link #apply}, without the bias. */
    public Latent applyToDifference(Latent difference) {
        return convolved(difference, new TensorOptional());
    }

    private Latent convolved(Latent x, TensorOptional offset) {
        Tensor filter = Tensor.create(weights, outputs, inputs, side, side).type_as(x.tensor());
        Tensor padded = side == 1 ? x.tensor() : torch.reflection_pad2d(x.tensor(), 1, 1, 1, 1);
        return new Latent(
                torch.conv2d(padded, filter, offset, new long[] {1, 1}, new long[] {0, 0}, new long[] {1, 1}, 1));
    }

    /** This map after {@code first}; both act at each place by itself. */
    public ChannelMap after(ChannelMap first) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor product = matrix().matmul(first.matrix());
            Tensor offset = matrix().matmul(first.column()).add(column());
            return new ChannelMap(outputs, first.inputs, 1, numbers(product), numbers(offset));
        }
    }

    /** The pseudo-inverse (Moore, Penrose): of all that this map takes to the same, the smallest. For maps at each place. */
    public ChannelMap inverse() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor back = torch.linalg_pinv(matrix(), NOTHING);
            return new ChannelMap(
                    inputs,
                    outputs,
                    1,
                    numbers(back),
                    numbers(back.matmul(column()).neg()));
        }
    }

    /**
     * The rotation in this map, which is what it may do to noise and leave it white: with the singular value decomposition
     * U S V' of its weights, added up over the neighbours, U V' where S is not 0.
     */
    public Polar polar() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor whole = matrix();
            T_TensorTensorTensor_T parts = torch.linalg_svd(whole);
            double[] values = numbers(parts.get1());
            int rank = 0;
            while (rank < values.length && values[rank] > NOTHING * values[0]) {
                rank++;
            }
            Tensor rotation =
                    parts.get0().narrow(1, 0, rank).matmul(parts.get2().narrow(0, 0, rank));
            Tensor rest = torch.eye(outputs).to(torch.ScalarType.Double).sub(rotation.matmul(rotation.t()));
            return new Polar(
                    linear(outputs, inputs, rotation),
                    linear(outputs, outputs, rest),
                    rank == outputs,
                    whole.norm().item_double() / Math.sqrt(rank));
        }
    }

    /**
     * What a map does to white noise, nearly (docs/method.md 2.1 and 2.4).
     *
     * @param rotation P: takes unit noise to unit noise in as many directions as the map reaches
     * @param rest I - P P': what P leaves empty
     * @param white whether it leaves nothing empty
     * @param gain by how much the map stretches, root mean square over the directions that it reaches
     */
    public record Polar(ChannelMap rotation, ChannelMap rest, boolean white, double gain) {}

    private static ChannelMap linear(int outputs, int inputs, Tensor matrix) {
        return new ChannelMap(outputs, inputs, 1, numbers(matrix), new double[outputs]);
    }

    /** (outputs, inputs): added up over the neighbours. */
    private Tensor matrix() {
        return Tensor.create(weights, outputs, inputs, (long) side * side).sum(2);
    }

    private Tensor column() {
        return Tensor.create(bias);
    }

    /** All elements of a tensor of doubles, the last axis fastest. */
    static double[] numbers(Tensor tensor) {
        Tensor dense = tensor.contiguous();
        double[] all = new double[Math.toIntExact(dense.numel())];
        dense.<DoubleBuffer>createBuffer().get(all);
        return all;
    }
}
