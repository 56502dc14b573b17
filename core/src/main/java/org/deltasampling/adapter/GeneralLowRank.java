package org.deltasampling.adapter;

import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.adapter.AdapterKind.Roles;
import org.deltasampling.adapter.AdapterKind.Sizes;
import org.deltasampling.adapter.AdapterKind.TensorKey;
import org.deltasampling.adapter.ModuleIndex.Target;

/**
 * GLoRA (Chavan et al. 2023): W + strength * (alpha / rank) * (W A + B), where A = A1 A2 and B = B1 B2. Files of LyCORIS
 * before version 3 hold the factors the other way round, A = A2 A1 and B = B2 B1, and A is of flattened kernels; which form a
 * file has shows in its shapes.
 */
final class GeneralLowRank implements WeightChange {

    private static final String FORMAT = "LyCORIS";

    static final AdapterKind KIND = new AdapterKind(
            "GLoRA",
            "weight",
            WeightDecomposition.keys(
                    FORMAT,
                    List.of(
                            new TensorKey(FORMAT, ".a1.weight", "a1"),
                            new TensorKey(FORMAT, ".a2.weight", "a2"),
                            new TensorKey(FORMAT, ".b1.weight", "b1"),
                            new TensorKey(FORMAT, ".b2.weight", "b2"),
                            new TensorKey(FORMAT, ".bm.weight", "bm").adding("a Tucker core"))),
            Roles.all("a1", "a2", "b1", "b2"),
            new Sizes(
                    module -> Math.min(module.rows("a1"), module.columns("a1")),
                    module -> Math.max(module.rows("a1"), module.columns("a1"))),
            GeneralLowRank::read);

    private final AdapterTensor a1;
    private final AdapterTensor a2;
    private final AdapterTensor b1;
    private final AdapterTensor b2;
    private final boolean before3;
    private final UnaryOperator<Tensor> rows;
    private final double scale;

    private GeneralLowRank(AdapterModule module, Target target) {
        long[] whole = target.whole();
        AdapterTensor core = module.tensorIfAny("bm");
        AdapterTensor second = module.tensor("b2");
        a1 = module.tensor("a1");
        a2 = module.tensor("a2");
        b1 = module.tensor("b1");
        b2 = core == null ? second : Factors.throughCore(core, second);
        before3 = product(b2, b1, whole) && square(a2, a1, Wide.count(whole) / whole[0]);
        rows = target.rows();
        scale = module.scale(target, before3 ? a1.rows() : a2.rows());
    }

    private static WeightChange read(AdapterModule module, Target target) {
        return WeightDecomposition.over(new GeneralLowRank(module, target), module, target);
    }

    @Override
    public boolean fits(long[] shape) {
        return before3 || (shape.length >= 2 && product(b1, b2, shape) && square(a1, a2, shape[1]));
    }

    /** Whether left (out, rank) times right (rank, in ...) has the elements of a weight of that shape. */
    private static boolean product(AdapterTensor left, AdapterTensor right, long[] shape) {
        return left.shape().length >= 2
                && right.shape().length >= 2
                && left.columns() == right.rows()
                && left.rows() == shape[0]
                && right.columns() * shape[0] == Wide.count(shape);
    }

    /** Whether left (width, rank) times right (rank, width) is a square matrix of that width. */
    private static boolean square(AdapterTensor left, AdapterTensor right, long width) {
        return product(left, right, new long[] {width, width});
    }

    @Override
    public Tensor apply(Tensor weight, double strength) {
        Tensor wide = Wide.of(weight);
        Tensor added = before3
                ? torch.mm(rows.apply(matrix(b2, wide)), matrix(b1, wide))
                : torch.mm(rows.apply(matrix(b1, wide)), matrix(b2, wide));
        Tensor multiplied = before3
                ? torch.mm(torch.mm(wide.reshape(wide.size(0), -1), matrix(a2, wide)), matrix(a1, wide))
                : torch.einsum("oi...,ij,jk->ok...", new TensorVector(wide, matrix(a1, wide), matrix(a2, wide)));
        return Wide.add(weight, multiplied.reshape(wide.size(0), -1).add(added), strength * scale);
    }

    private static Tensor matrix(AdapterTensor factor, Tensor weight) {
        return Wide.like(factor.load(), weight).reshape(factor.rows(), -1);
    }
}
