package org.deltasampling.adapter;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.adapter.AdapterKind.Roles;
import org.deltasampling.adapter.AdapterKind.Sizes;
import org.deltasampling.adapter.AdapterKind.TensorKey;

/** A difference that is stored whole, of a weight, of a bias, or of those of a norm: W + strength * D. */
record FullDifference(AdapterTensor stored) implements Difference {

    private static final String STORED = "difference";

    /** Some files have one, by which nothing is scaled. */
    private static final TensorKey ALPHA = TensorKey.alpha("LyCORIS");

    /** Of weights, of biases, and of both of norms. */
    static final List<AdapterKind> KINDS = List.of(
            kind("full difference", "weight", ".diff", ALPHA),
            kind("bias difference", "bias", ".diff_b"),
            kind("norm difference", "weight", ".w_norm"),
            kind("norm difference", "bias", ".b_norm"));

    private static AdapterKind kind(String title, String parameter, String suffix, TensorKey... unused) {
        List<TensorKey> keys = new ArrayList<>(List.of(unused));
        keys.add(new TensorKey("LyCORIS", suffix, STORED));
        return new AdapterKind(
                title,
                parameter,
                keys,
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
