package org.deltasampling.bridge;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;

/**
 * Finds the map of channels that takes some latents nearest to others: least squares over all places, with a penalty on the
 * weights and none on the bias (docs/method.md 2.5; there all channels have unit variance, here the penalty goes by theirs). Only
 * sums are kept, so any number of latents may be added.
 */
public final class RidgeFit {

    /** The penalty by the variance of what a weight is for: of a map that sees only the place itself ... */
    private static final double ALONE = 1e-3;

    /** ... and of one that sees its neighbours. */
    private static final double WITH_NEIGHBOURS = 1e-2;

    /** Added to the variance, so that what never varies has a penalty too. */
    private static final double LEAST = 1e-9;

    private final int inputs;
    private final int outputs;
    private final int side;
    private final double[] squares; // (features, features) of X'X, the last feature 1
    private final double[] products; // (features, outputs) of X'Y
    private final double[] goals; // (outputs) of the sums of y^2
    private long places;

    /** @param side of the map to find, 1 or 3 */
    public RidgeFit(int inputs, int outputs, int side) {
        this.inputs = inputs;
        this.outputs = outputs;
        this.side = side;
        squares = new double[features() * features()];
        products = new double[features() * outputs];
        goals = new double[outputs];
    }

    /** Takes every place of {@code x} and {@code y}, which are of one size, for a pair that the map should join. */
    public void add(Latent x, Latent y) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor seen = rows(x.tensor().to(torch.ScalarType.Double)); // (places, features)
            Tensor wanted = y.tensor()
                    .to(torch.ScalarType.Double)
                    .permute(0, 2, 3, 1)
                    .reshape(-1, outputs); // (places, outputs)
            addTo(squares, seen.t().matmul(seen));
            addTo(products, seen.t().matmul(wanted));
            addTo(goals, wanted.mul(wanted).sum(0));
            places += seen.size(0);
        }
    }

    /** The map that fits best to all that was added. */
    public ChannelMap map() {
        int penalized = features() - 1;
        double[] held = squares.clone();
        for (int i = 0; i < penalized; i++) {
            double sum = squares[penalized * features() + i];
            double variance = squares[i * features() + i] - sum * sum / places;
            held[i * features() + i] += (side == 1 ? ALONE : WITH_NEIGHBOURS) * (variance + LEAST * places);
        }
        try (TensorScope scope = TensorScope.open()) {
            Tensor solution = torch.linalg_solve(
                    Tensor.create(held, features(), features()), Tensor.create(products, features(), outputs));
            return new ChannelMap(
                    outputs,
                    inputs,
                    side,
                    ChannelMap.numbers(solution.narrow(0, 0, penalized).t()),
                    ChannelMap.numbers(solution.narrow(0, penalized, 1)));
        }
    }

    /** How much of the y that were added here {@code map} explains from their x; it was fitted to others, to be honest. */
    public Explained explained(ChannelMap map) {
        List<Double> channels = new ArrayList<>();
        double allMissed = 0;
        double allVaried = 0;
        for (int output = 0; output < outputs; output++) {
            double missed = missed(map, output);
            double sum = products[(features() - 1) * outputs + output];
            double varied = goals[output] - sum * sum / places;
            channels.add(share(missed, varied));
            allMissed += missed;
            allVaried += varied;
        }
        return new Explained(channels, share(allMissed, allVaried));
    }

    /** What never varies cannot be explained. */
    private static double share(double missed, double varied) {
        return varied > 0 ? 1 - missed / varied : 0;
    }

    /** The sum of (y - w'x)^2 = y^2 - 2 w'xy + w'xx'w for one output. */
    private double missed(ChannelMap map, int output) {
        double[] weights = map.weights();
        double[] w = new double[features()];
        System.arraycopy(weights, output * (features() - 1), w, 0, features() - 1);
        w[features() - 1] = map.bias()[output];
        double sum = goals[output];
        for (int i = 0; i < w.length; i++) {
            double seen = 0;
            for (int j = 0; j < w.length; j++) {
                seen += squares[i * w.length + j] * w[j];
            }
            sum += w[i] * (seen - 2 * products[i * outputs + output]);
        }
        return sum;
    }

    private int features() {
        return inputs * side * side + 1;
    }

    /** What a map sees at each place, and a 1 for the bias: (places, features). */
    private Tensor rows(Tensor x) {
        Tensor padded = side == 1 ? x : torch.reflection_pad2d(x, 1, 1, 1, 1);
        Tensor seen = torch.im2col(
                        padded, new long[] {side, side}, new long[] {1, 1}, new long[] {0, 0}, new long[] {1, 1})
                .permute(0, 2, 1)
                .reshape(-1, features() - 1L); // from (b, features - 1, places)
        return torch.constant_pad_nd(seen, new long[] {0, 1}, new Scalar(1.0));
    }

    private static void addTo(double[] sum, Tensor more) {
        double[] values = ChannelMap.numbers(more);
        for (int i = 0; i < sum.length; i++) {
            sum[i] += values[i];
        }
    }
}
