package org.deltasampling.adapter;

import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * W + strength * scale * D.
 *
 * @param rows what the weight takes of the rows of D, which is of a whole layer
 */
record Addition(Difference difference, double scale, UnaryOperator<Tensor> rows) implements WeightChange {

    @Override
    public boolean fits(long[] shape) {
        return difference.fits(shape);
    }

    @Override
    public Tensor apply(Tensor weight, double strength) {
        Tensor whole = difference.load();
        return Wide.add(weight, rows.apply(whole.reshape(whole.size(0), -1)), strength * scale);
    }
}
