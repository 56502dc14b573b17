package org.deltasampling.adapter;

import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.adapter.ModuleIndex.Target;
import org.deltasampling.weights.TensorInfo;
import org.jspecify.annotations.Nullable;

/** What kinds that rotate the outputs of a layer have in common (orthogonal fine-tuning, Qiu et al. 2023). */
final class Orthogonal {

    private Orthogonal() {}

    /**
     * The rotations (I + Q)(I - Q)^-1 with Q = S - S^T, of blocks S (..., size, size).
     *
     * @param constraint the largest norm of all Q together; 0 for no limit
     */
    static Tensor cayley(Tensor blocks, double constraint) {
        Tensor q = blocks.sub(blocks.transpose(-1, -2));
        double norm = q.norm().item_double();
        if (constraint > 0 && norm > constraint) {
            q = q.mul(new Scalar(constraint / norm));
        }
        Tensor identity = identity(blocks);
        return torch.matmul(identity.add(q), identity.sub(q).inverse());
    }

    /** {@code strength * R + (1 - strength) * I}. */
    static Tensor partly(Tensor rotations, double strength) {
        return rotations.mul(new Scalar(strength)).add(identity(rotations), new Scalar(1 - strength));
    }

    private static Tensor identity(Tensor blocks) {
        return Wide.like(torch.eye(blocks.size(-1)), blocks);
    }

    /**
     * W + strength * (c R W - W) in the type, shape and memory of {@code weight}.
     *
     * @param target whose weight it is; R is of the rows of the whole layer as the file has them
     * @param rescale c, a factor for each row of the whole layer
     * @param rotation R, of a matrix (rows of the whole layer, columns)
     */
    static Tensor change(
            Tensor weight,
            double strength,
            Target target,
            @Nullable AdapterTensor rescale,
            UnaryOperator<Tensor> rotation) {
        Tensor wide = Wide.of(weight);
        Tensor matrix = wide.reshape(wide.size(0), -1);
        long whole = target.whole()[0];
        Tensor places = target.rows().apply(torch.arange(new Scalar(whole))).to(weight.device(), torch.ScalarType.Long);
        Tensor inFile = matrix.new_zeros(whole, matrix.size(1)).index_copy(0, places, matrix);
        Tensor rotated = rotation.apply(inFile);
        if (rescale != null) {
            rotated = rotated.mul(Wide.like(rescale.load(), wide).reshape(-1, 1));
        }
        Tensor changed =
                rotated.index_select(0, places).reshape(TensorInfo.of(weight).shape());
        return Wide.add(weight, changed.sub(wide), strength);
    }

    /** Whether there is no factor c, or one for each row. */
    static boolean fits(@Nullable AdapterTensor rescale, long[] shape) {
        return rescale == null || rescale.info().count() == shape[0];
    }
}
