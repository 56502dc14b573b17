package org.deltasampling.nn;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.TensorScope;
import org.jspecify.annotations.Nullable;

/**
 * A row for each id, weight (rows, width).
 *
 * @param added further rows, (more, width), whose ids follow those of {@code weight}; null: none
 */
public record Embedding(Tensor weight, @Nullable Tensor added) {

    public static Embedding of(Parameters p, long rows, long width) {
        return new Embedding(p.get("weight", rows, width), null);
    }

    /** The same with further rows; the table itself is not copied. */
    public Embedding with(Tensor more) {
        return new Embedding(weight, more.to(weight.device(), weight.scalar_type()));
    }

    /** ids (...), int64, to (..., width). */
    public Tensor apply(Tensor ids) {
        return added == null ? torch.embedding(weight, ids) : withAdded(ids, added);
    }

    private Tensor withAdded(Tensor ids, Tensor more) {
        return TensorScope.scopedTensor(() -> {
            long rows = weight.size(0);
            Scalar first = new Scalar(rows);
            Tensor own = torch.embedding(
                    weight, ids.clamp(new ScalarOptional(new Scalar(0L)), new ScalarOptional(new Scalar(rows - 1))));
            Tensor others = torch.embedding(
                    more, ids.sub(first).clamp(new ScalarOptional(new Scalar(0L)), new ScalarOptional()));
            return torch.where(ids.ge(first).unsqueeze(-1), others, own);
        });
    }

    /** The first {@code count} rows, (count, width). */
    public Tensor first(long count) {
        return weight.narrow(0, 0, count);
    }
}
