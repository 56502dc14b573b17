package org.deltasampling.model.mmdit;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.nn.DotProduct;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.RmsNorm;
import org.jspecify.annotations.Nullable;

/** To queries, keys and values of one stream, the first two normalized where the model does so. */
record Projections(
        Linear query,
        Linear key,
        Linear value,
        @Nullable RmsNorm queryNorm,
        @Nullable RmsNorm keyNorm,
        long heads) {

    static Projections ofImage(Blocks c, Parameters p) {
        return of(c, p, List.of("to_q", "to_k", "to_v", "norm_q", "norm_k"));
    }

    static Projections ofText(Blocks c, Parameters p) {
        return of(c, p, List.of("add_q_proj", "add_k_proj", "add_v_proj", "norm_added_q", "norm_added_k"));
    }

    static Projections of(Blocks c, Parameters p, List<String> names) {
        long headWidth = c.width() / c.heads();
        boolean normed = c.normedQueries();
        return new Projections(
                Linear.of(p.at(names.get(0)), c.width(), c.width()),
                Linear.of(p.at(names.get(1)), c.width(), c.width()),
                Linear.of(p.at(names.get(2)), c.width(), c.width()),
                normed ? RmsNorm.of(p.at(names.get(3)), headWidth, JointBlock.EPS) : null,
                normed ? RmsNorm.of(p.at(names.get(4)), headWidth, JointBlock.EPS) : null,
                c.heads());
    }

    Heads apply(Tensor x) { // (b, n, d)
        return new Heads(
                DotProduct.heads(query.apply(x), heads),
                DotProduct.heads(key.apply(x), heads),
                DotProduct.heads(value.apply(x), heads),
                this);
    }

    /** What one stream gives to attention, each (b, heads, n, d / heads), queries and keys before their norms. */
    record Heads(Tensor queries, Tensor keys, Tensor values, Projections by) {

        Tensor normedQueries() {
            return by.queryNorm == null ? queries : by.queryNorm.apply(queries);
        }

        Tensor normedKeys() {
            return by.keyNorm == null ? keys : by.keyNorm.apply(keys);
        }
    }
}
