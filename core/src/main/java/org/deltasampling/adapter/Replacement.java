package org.deltasampling.adapter;

import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.adapter.AdapterKind.Roles;
import org.deltasampling.adapter.AdapterKind.Sizes;
import org.deltasampling.adapter.AdapterKind.TensorKey;

/**
 * Another weight V in place of W: W + strength * (V - W), where ComfyUI takes V at any strength.
 *
 * @param rows what the weight takes of the rows of V, which is of a whole layer
 */
record Replacement(FullDifference other, UnaryOperator<Tensor> rows) implements WeightChange {

    private static final String OTHER = "weight";

    static final AdapterKind KIND = new AdapterKind(
            "replaced weight",
            "weight",
            List.of(new TensorKey("ComfyUI", ".set_weight", OTHER)),
            Roles.all(OTHER),
            new Sizes(module -> 0, module -> module.columns(OTHER)),
            (module, target) -> new Replacement(new FullDifference(module.tensor(OTHER)), target.rows()));

    @Override
    public boolean fits(long[] shape) {
        return other.fits(shape);
    }

    @Override
    public Tensor apply(Tensor weight, double strength) {
        Tensor whole = Wide.like(other.load(), weight);
        Tensor own = rows.apply(whole.reshape(whole.size(0), -1));
        Tensor before = Wide.of(weight).reshape(weight.size(0), -1);
        return Wide.add(weight, own.sub(before), strength);
    }
}
