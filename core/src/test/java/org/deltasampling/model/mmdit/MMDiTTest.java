package org.deltasampling.model.mmdit;

import static org.deltasampling.TensorAssert.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.model.Conditioning;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLeaks.class)
class MMDiTTest {

    private static final int COPIES = 256;
    private static final MMDiT.Config CONFIG = new MMDiT.Config(4, 4, 2, 3, 2, 16, 12, 6, 4, true, List.of(0L));

    @Test
    void oneTokenStandsForManyEqualOnes() {
        try (TensorScope scope = TensorScope.recording()) {
            MMDiT mmdit = new MMDiT(CONFIG, random());
            Tensor words = torch.randn(2, 5, 12);
            Tensor equal = torch.randn(2, 1, 12);
            Tensor pooled = torch.randn(2, 6);
            Tensor spelledOut = torch.cat(new TensorVector(words, equal.expand(2, COPIES, 12)), 1);
            Tensor counted = torch.cat(new TensorVector(words, equal), 1);

            Answer of = Answer.of(mmdit, new Conditioning(spelledOut, pooled));
            Answer one = Answer.of(mmdit, new Conditioning(counted, pooled, null, COPIES));

            assertThat(one.output).isCloseTo(of.output, 1e-5);
            assertThat(one.gradient).isCloseTo(of.gradient, 1e-5);
        }
    }

    /** What the network answers, and how its square changes with what it reads: training needs both. */
    private record Answer(Tensor output, Tensor gradient) {

        private static Answer of(MMDiT mmdit, Conditioning told) {
            torch.manual_seed(3);
            Tensor x = torch.randn(2, 4, 8, 8);
            x.set_requires_grad(true);
            Tensor output = mmdit.predict(x, torch.tensor(new float[] {700, 20}), told);
            output.square().sum().backward();
            return new Answer(output.detach(), x.grad());
        }
    }

    private static Parameters random() {
        torch.manual_seed(1);
        Map<String, Tensor> all = new HashMap<>();
        return (name, shape) ->
                all.computeIfAbsent(name, key -> torch.randn(shape).mul(new Scalar(0.3)));
    }
}
