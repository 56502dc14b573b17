package org.deltasampling.nn;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** A row for each id, weight (rows, width). */
public record Embedding(Tensor weight) {

    public static Embedding of(Parameters p, long rows, long width) {
        return new Embedding(p.get("weight", rows, width));
    }

    /** ids (...), int64, to (..., width). */
    public Tensor apply(Tensor ids) {
        return torch.embedding(weight, ids);
    }

    /** The first {@code count} rows, (count, width). */
    public Tensor first(long count) {
        return weight.narrow(0, 0, count);
    }
}
