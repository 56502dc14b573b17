package org.deltasampling.adapter;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.adapter.AdapterKind.Roles;
import org.deltasampling.adapter.AdapterKind.Sizes;
import org.deltasampling.adapter.AdapterKind.TensorKey;

/** A difference that is stored whole, of a weight, of a bias, or of those of a norm: W + strength * D. */
record FullDifference(AdapterTensor stored) implements Difference {

    private static final String STORED = "difference";

    /** Of weights, of biases, and of both of norms. */
    static final List<AdapterKind> KINDS = List.of(
            kind("full difference", "weight", ".diff"),
            kind("bias difference", "bias", ".diff_b"),
            kind("norm difference", "weight", ".w_norm"),
            kind("norm difference", "bias", ".b_norm"));

    private static AdapterKind kind(String title, String parameter, String suffix) {
        return new AdapterKind(
                title,
                parameter,
                List.of(new TensorKey("LyCORIS", suffix, STORED)),
                Roles.all(STORED),
                new Sizes(module -> 0, module -> module.columns(STORED)),
                (module, target) -> new Addition(new FullDifference(module.tensor(STORED)), 1, target.rows()));
    }

    @Override
    public boolean fits(long[] shape) {
        return stored.shape().length > 0
                && stored.rows() == shape[0]
                && stored.info().count() == Wide.count(shape);
    }

    @Override
    public Tensor load() {
        return stored.load();
    }
}
