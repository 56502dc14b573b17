package org.deltasampling.adapter;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * A matrix that is stored as factors: A B with A (rows, rank) and B (rank, columns), or a Tucker decomposition with a core G
 * (i, j, height, width), A (i, rows) and B (j, columns): the sum over i and j of G[i, j] A[i, row] B[j, column].
 */
record Factors(AdapterTensor a, AdapterTensor b, @Nullable AdapterTensor core) {

    /** Whether the factors fit each other. */
    boolean fit() {
        if (a.shape().length != 2 || b.shape().length != 2) {
            return false;
        }
        return core == null
                ? a.columns() == b.rows()
                : core.shape().length > 2 && core.shape()[0] == a.rows() && core.shape()[1] == b.rows();
    }

    /** Length of the first axis of the product. */
    long rows() {
        return core == null ? a.rows() : a.columns();
    }

    /** Elements in each row of the product. */
    long columns() {
        return core == null ? b.columns() : b.columns() * core.info().count() / (core.shape()[0] * core.shape()[1]);
    }

    /** The product in float32: (rows, columns), or (rows, columns, height, width) of such a core. */
    Tensor load() {
        return core == null
                ? torch.mm(wide(a), wide(b))
                : torch.einsum("ij...,ip,jr->pr...", new TensorVector(wide(core), wide(a), wide(b)));
    }

    /**
     * The factor B of a low-rank convolution with the core between its factors.
     *
     * @param core (i, j, height, width)
     * @param b (j, columns, 1, 1)
     * @return (i, columns, height, width); an empty shape if they do not fit each other
     */
    static AdapterTensor throughCore(AdapterTensor core, AdapterTensor b) {
        long[] shape = core.shape();
        if (shape.length <= 2 || shape[1] != b.rows()) {
            return AdapterTensor.misfit();
        }
        shape[1] = b.columns();
        return AdapterTensor.computed(
                shape,
                () -> torch.einsum("ij...,jr->ir...", new TensorVector(wide(core), wide(b).reshape(b.rows(), -1))));
    }

    private static Tensor wide(AdapterTensor tensor) {
        return Wide.of(tensor.load());
    }
}
