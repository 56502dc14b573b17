package org.deltasampling.adapter;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.adapter.AdapterKind.TensorKey;
import org.deltasampling.adapter.ModuleIndex.Target;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.TensorInfo;

/**
 * DoRA (Liu et al. 2024): the direction is that of W' = W + D of another kind, the length that of a trained magnitude m. The
 * change is W + strength * (m W' / norm - W), where the norm is one of each row or of each column:
 *
 * <ul>
 *   <li>{@code dora_scale} (out, 1, ...): of the rows of W, as ComfyUI has it, while LyCORIS takes those of W';
 *   <li>{@code dora_scale} (1, in, ...): of the columns of W';
 *   <li>PEFT's {@code lora_magnitude_vector} of as many numbers as there are rows: of the rows of W'.
 * </ul>
 *
 * @param rows what the weight takes of the rows of the magnitude, which is of a whole layer
 */
record WeightDecomposition(WeightChange inner, AdapterTensor magnitude, Norm norm, UnaryOperator<Tensor> rows)
        implements WeightChange {

    /** What the magnitude replaces. */
    private enum Norm {
        ROWS_BEFORE,
        ROWS_AFTER,
        COLUMNS_AFTER
    }

    private static final String SCALE = "dora_scale";
    private static final String MAGNITUDE = "magnitude";

    /** Of float32: what ComfyUI adds to the norm. */
    private static final double EPSILON = Math.ulp(1f);

    /** {@code own} keys of a kind, and those of its alpha and of DoRA upon it. */
    static List<TensorKey> keys(String format, List<TensorKey> own) {
        List<TensorKey> keys = new ArrayList<>(own);
        keys.add(TensorKey.alpha(format));
        keys.add(new TensorKey("kohya", ".dora_scale", SCALE).adding("DoRA"));
        for (String suffix : List.of("", ".weight", ".*.weight", ".*")) {
            keys.add(new TensorKey("PEFT", ".lora_magnitude_vector" + suffix, MAGNITUDE).adding("DoRA"));
        }
        return keys;
    }

    /**
     * {@code change}, decomposed where the module has a magnitude.
     *
     * @throws BadWeightsException if the norm is of columns, which reach across the weights that a layer stacks
     */
    static WeightChange over(WeightChange change, AdapterModule module, Target target) {
        if (module.has(MAGNITUDE)) {
            return new WeightDecomposition(change, module.tensor(MAGNITUDE), Norm.ROWS_AFTER, target.rows());
        }
        if (!module.has(SCALE)) {
            return change;
        }
        AdapterTensor scale = module.tensor(SCALE);
        boolean ofRows = scale.rows() == target.whole()[0];
        if (!ofRows && target.sharing() > 1) {
            throw new BadWeightsException(
                    "%s has a DoRA scale of columns in %s, which stacks %d weights that this model holds one by one: train it on the output axis"
                            .formatted(module.path(), module.quotedName(), target.sharing()));
        }
        return new WeightDecomposition(change, scale, ofRows ? Norm.ROWS_BEFORE : Norm.COLUMNS_AFTER, target.rows());
    }

    @Override
    public boolean fits(long[] shape) {
        return shape.length >= 2
                && magnitude.info().count() == shape[norm == Norm.COLUMNS_AFTER ? 1 : 0]
                && inner.fits(shape);
    }

    @Override
    public Tensor apply(Tensor weight, double strength) {
        Tensor before = Wide.of(weight);
        Tensor after = inner.apply(before, 1);
        Tensor wanted = Wide.like(magnitude.load(), before);
        Tensor factor = switch (norm) {
            case ROWS_BEFORE -> ofRows(wanted).div(length(before));
            case ROWS_AFTER -> ofRows(wanted).div(length(after));
            case COLUMNS_AFTER ->
                wanted.reshape(1, -1).div(length(after.transpose(0, 1)).reshape(1, -1));
        };
        Tensor decomposed = after.mul(factor.reshape(broadcast(weight)));
        return Wide.add(weight, decomposed.sub(before), strength);
    }

    private Tensor ofRows(Tensor all) {
        return rows.apply(all.reshape(-1, 1));
    }

    /** Of each row, (rows, 1). */
    private static Tensor length(Tensor weight) {
        return weight.reshape(weight.size(0), -1)
                .norm(new ScalarOptional(new Scalar(2.0)), new long[] {1}, true)
                .add(new Scalar(EPSILON));
    }

    /** The shape of a factor that is multiplied with a weight. */
    private long[] broadcast(Tensor weight) {
        long[] shape = TensorInfo.of(weight).shape();
        for (int axis = 0; axis < shape.length; axis++) {
            boolean kept = axis == (norm == Norm.COLUMNS_AFTER ? 1 : 0);
            shape[axis] = kept ? shape[axis] : 1;
        }
        return shape;
    }
}
