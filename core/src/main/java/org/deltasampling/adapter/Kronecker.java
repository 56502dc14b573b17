package org.deltasampling.adapter;

import java.util.List;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.adapter.AdapterKind.Roles;
import org.deltasampling.adapter.AdapterKind.Sizes;
import org.deltasampling.adapter.AdapterKind.TensorKey;
import org.deltasampling.adapter.ModuleIndex.Target;
import org.jspecify.annotations.Nullable;

/**
 * LoKr, a Kronecker product (Yeh et al. 2024): (alpha / rank) * W1 (x) W2, each whole or in factors; without factors there is
 * no rank and the scale is 1.
 */
record Kronecker(Side first, Side second) implements Difference {

    /** A matrix or a kernel, whole or in factors. */
    private record Side(
            @Nullable AdapterTensor whole, @Nullable Factors factors) {

        private static Side of(AdapterModule module, String number) {
            String w = "w" + number;
            return module.has(w)
                    ? new Side(module.tensor(w), null)
                    : new Side(
                            null,
                            new Factors(
                                    module.tensor(w + "_a"),
                                    module.tensor(w + "_b"),
                                    module.tensorIfAny("t" + number)));
        }

        private boolean fit() {
            return factors != null ? factors.fit() : whole != null && whole.shape().length >= 2;
        }

        private long rows() {
            return factors != null ? factors.rows() : whole != null ? whole.rows() : 0;
        }

        private long columns() {
            return factors != null ? factors.columns() : whole != null ? whole.columns() : 0;
        }

        private long rank() {
            return factors == null ? 0 : factors.b().rows();
        }

        private Tensor load() {
            if (factors != null) {
                return factors.load();
            }
            if (whole == null) {
                throw new IllegalStateException("neither whole nor in factors");
            }
            return Wide.of(whole.load());
        }
    }

    private static final String FORMAT = "LyCORIS";

    static final AdapterKind KIND = new AdapterKind(
            "LoKr",
            "weight",
            WeightDecomposition.keys(
                    FORMAT,
                    List.of(
                            new TensorKey(FORMAT, ".lokr_w1", "w1"),
                            new TensorKey(FORMAT, ".lokr_w1_a", "w1_a"),
                            new TensorKey(FORMAT, ".lokr_w1_b", "w1_b"),
                            new TensorKey(FORMAT, ".lokr_w2", "w2"),
                            new TensorKey(FORMAT, ".lokr_w2_a", "w2_a"),
                            new TensorKey(FORMAT, ".lokr_w2_b", "w2_b"),
                            new TensorKey(FORMAT, ".lokr_t1", "t1").adding("a Tucker core"),
                            new TensorKey(FORMAT, ".lokr_t2", "t2").adding("a Tucker core"))),
            Roles.oneOf(List.of(
                    Set.of("w1", "w2"),
                    Set.of("w1", "w2_a", "w2_b"),
                    Set.of("w1_a", "w1_b", "w2"),
                    Set.of("w1_a", "w1_b", "w2_a", "w2_b"))),
            new Sizes(
                    module -> module.has("w2_b") ? module.rows("w2_b") : module.rows("w1_b"),
                    module -> columns(module, "w1") * columns(module, "w2")),
            Kronecker::read);

    private static long columns(AdapterModule module, String w) {
        return module.has(w) ? module.columns(w) : module.columns(w + "_b");
    }

    private static WeightChange read(AdapterModule module, Target target) {
        Kronecker product = new Kronecker(Side.of(module, "1"), Side.of(module, "2"));
        long rank = product.second.rank() > 0 ? product.second.rank() : product.first.rank();
        double scale = rank == 0 ? 1 : module.scale(target, rank);
        return WeightDecomposition.over(new Addition(product, scale, target.rows()), module, target);
    }

    @Override
    public boolean fits(long[] shape) {
        return first.fit()
                && second.fit()
                && first.rows() * second.rows() == shape[0]
                && first.columns() * second.columns() * shape[0] == Wide.count(shape);
    }

    /** The product of each axis, the second matrix within the first; torch.kron fails for some strides. */
    @Override
    public Tensor load() {
        Tensor one = first.load();
        Tensor two = second.load();
        int axes = (int) Math.max(one.dim(), two.dim());
        long[] outer = new long[2 * axes];
        long[] inner = new long[2 * axes];
        long[] sizes = new long[axes];
        for (int i = 0; i < axes; i++) {
            long ofOne = i < one.dim() ? one.size(i) : 1;
            long ofTwo = i < two.dim() ? two.size(i) : 1;
            outer[2 * i] = ofOne;
            outer[2 * i + 1] = 1;
            inner[2 * i] = 1;
            inner[2 * i + 1] = ofTwo;
            sizes[i] = ofOne * ofTwo;
        }
        return one.reshape(outer).mul(two.reshape(inner)).reshape(sizes);
    }
}
