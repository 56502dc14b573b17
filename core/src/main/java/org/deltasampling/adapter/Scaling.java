package org.deltasampling.adapter;

import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.adapter.AdapterKind.Roles;
import org.deltasampling.adapter.AdapterKind.Sizes;
import org.deltasampling.adapter.AdapterKind.TensorKey;

/**
 * (IA)^3 (Liu et al. 2022) as LyCORIS saves it: W * (1 + strength * l), with a factor l for each output, or for each input.
 *
 * @param rows what the weight takes of the rows of a whole layer
 */
record Scaling(AdapterTensor factors, boolean onInput, UnaryOperator<Tensor> rows) implements WeightChange {

    private static final String FORMAT = "LyCORIS";
    private static final String FACTORS = "weight";
    private static final String ON_INPUT = "on_input";

    static final AdapterKind KIND = new AdapterKind(
            "(IA)^3",
            "weight",
            List.of(new TensorKey(FORMAT, ".weight", FACTORS), new TensorKey(FORMAT, ".on_input", ON_INPUT)),
            new Roles(List.of(Set.of(FACTORS, ON_INPUT)), Set.of(ON_INPUT)),
            Sizes.NONE,
            (module, target) ->
                    new Scaling(module.tensor(FACTORS), module.number(ON_INPUT).orElse(0) != 0, target.rows()));

    @Override
    public boolean fits(long[] shape) {
        return shape.length >= 2 && factors.info().count() == shape[onInput ? 1 : 0];
    }

    @Override
    public Tensor apply(Tensor weight, double strength) {
        Tensor wide = Wide.of(weight);
        Tensor all = Wide.like(factors.load(), weight).reshape(-1, 1);
        Tensor factor = onInput ? all.reshape(1, -1, 1) : rows.apply(all).reshape(-1, 1, 1);
        Tensor flat = wide.reshape(wide.size(0), wide.size(1), -1);
        return Wide.add(weight, flat.mul(factor), strength);
    }
}
