package org.deltasampling.adapter;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.adapter.AdapterKind.Roles;
import org.deltasampling.adapter.AdapterKind.Sizes;
import org.deltasampling.adapter.AdapterKind.TensorKey;
import org.deltasampling.adapter.ModuleIndex.Target;

/**
 * LoHa, the element-wise product of two low-rank matrices (FedPara, Hyeon-Woo et al. 2022): (alpha / rank) * (A1 B1) . (A2 B2).
 */
record Hadamard(Factors first, Factors second) implements Difference {

    private static final String FORMAT = "LyCORIS";

    static final AdapterKind KIND = new AdapterKind(
            "LoHa",
            "weight",
            WeightDecomposition.keys(
                    FORMAT,
                    List.of(
                            new TensorKey(FORMAT, ".hada_w1_a", "w1_a"),
                            new TensorKey(FORMAT, ".hada_w1_b", "w1_b"),
                            new TensorKey(FORMAT, ".hada_w2_a", "w2_a"),
                            new TensorKey(FORMAT, ".hada_w2_b", "w2_b"),
                            new TensorKey(FORMAT, ".hada_t1", "t1").adding("a Tucker core"),
                            new TensorKey(FORMAT, ".hada_t2", "t2").adding("a Tucker core"))),
            Roles.all("w1_a", "w1_b", "w2_a", "w2_b"),
            new Sizes(module -> module.rows("w1_b"), module -> module.columns("w1_b")),
            Hadamard::read);

    private static WeightChange read(AdapterModule module, Target target) {
        Hadamard product = new Hadamard(factors(module, "1"), factors(module, "2"));
        double scale = module.scale(target, product.first.b().rows());
        return WeightDecomposition.over(new Addition(product, scale, target.rows()), module, target);
    }

    private static Factors factors(AdapterModule module, String number) {
        String w = "w" + number;
        return new Factors(module.tensor(w + "_a"), module.tensor(w + "_b"), module.tensorIfAny("t" + number));
    }

    @Override
    public boolean fits(long[] shape) {
        return fits(first, shape) && fits(second, shape);
    }

    private static boolean fits(Factors factors, long[] shape) {
        return factors.fit() && factors.rows() == shape[0] && factors.rows() * factors.columns() == Wide.count(shape);
    }

    @Override
    public Tensor load() {
        return rowwise(first).mul(rowwise(second));
    }

    private static Tensor rowwise(Factors factors) {
        return factors.load().reshape(factors.rows(), -1);
    }
}
