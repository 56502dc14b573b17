package org.deltasampling.nn;

import static org.deltasampling.TensorAssert.assertThat;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLeaks.class)
class DecoupledAttentionTest {

    private static Tensor noise(long seed, long... shape) {
        return new SeededNoise(seed).draw(shape).tensor();
    }

    /** The formula, one head: softmax(q k / sqrt(d)) v. */
    private static Tensor formula(Tensor q, Tensor k, Tensor v) {
        Tensor scores = q.matmul(k.transpose(-2, -1)).div(new Scalar(Math.sqrt((double) q.size(-1))));
        return scores.softmax(-1, new ScalarTypeOptional()).matmul(v);
    }

    @Test
    void isAddedByItsScale() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor attended = noise(1, 1, 3, 4);
            Tensor q = noise(2, 1, 1, 3, 4);
            Tensor k = noise(3, 1, 1, 5, 4);
            Tensor v = noise(4, 1, 1, 5, 4);
            Tensor expected = attended.add(formula(q, k, v).squeeze(1), new Scalar(0.5));
            assertThat(new DecoupledAttention(k, v, 0.5).addTo(attended, q)).isCloseTo(expected, 1e-5);
        }
    }

    @Test
    void readsTheLayersOwnKeysTooAndNormalizesThem() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor attended = noise(1, 1, 3, 4);
            Tensor q = noise(2, 1, 1, 3, 4);
            Tensor k = noise(3, 1, 1, 5, 4);
            Tensor v = noise(4, 1, 1, 5, 4);
            Tensor own = noise(5, 1, 1, 3, 4);
            Tensor ownValues = noise(6, 1, 1, 3, 4);
            RmsNorm ofQueries = new RmsNorm(torch.full(new long[] {4}, new Scalar(2.0)), 4, 1e-6);
            RmsNorm ofKeys = new RmsNorm(torch.full(new long[] {4}, new Scalar(3.0)), 4, 1e-6);
            Tensor expected = attended.add(formula(
                            ofQueries.apply(q),
                            torch.cat(new TensorVector(ofKeys.apply(own), k), 2),
                            torch.cat(new TensorVector(ownValues, v), 2))
                    .squeeze(1));
            assertThat(new DecoupledAttention(k, v, 1, ofQueries, ofKeys).addTo(attended, q, own, ownValues))
                    .isCloseTo(expected, 1e-5);
        }
    }
}
