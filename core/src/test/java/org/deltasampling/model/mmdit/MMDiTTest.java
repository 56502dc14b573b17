package org.deltasampling.model.mmdit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.deltasampling.TensorAssert.assertThat;

import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.ImageTokens;
import org.deltasampling.model.RandomParameters;
import org.deltasampling.model.Residuals;
import org.deltasampling.nn.DecoupledAttention;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.RmsNorm;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLeaks.class)
class MMDiTTest {

    private static final int COPIES = 256;
    private static final int WIDTH = 16;
    private static final MMDiT.Config CONFIG =
            new MMDiT.Config(new Patches(4, 4, 2, 4), new Blocks(3, WIDTH, 2, true, List.of(0L)), 12, 6);

    @Test
    void oneTokenStandsForManyEqualOnes() {
        try (TensorScope scope = TensorScope.recording()) {
            MMDiT mmdit = new MMDiT(CONFIG, new RandomParameters());
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

        private static Answer of(MMDiT mmdit, Conditioning c) {
            torch.manual_seed(3);
            Tensor x = torch.randn(2, 4, 8, 8);
            x.set_requires_grad(true);
            Tensor output = mmdit.predict(x, torch.tensor(new float[] {700, 20}), c);
            output.square().sum().backward();
            return new Answer(output.detach(), x.grad());
        }
    }

    private static Tensor predict(MMDiT mmdit, Conditioning c) {
        return mmdit.predict(new SeededNoise(2).draw(1, 4, 8, 8).tensor(), Tensor.create(500f), c);
    }

    private static Conditioning text() {
        SeededNoise noise = new SeededNoise(3);
        return new Conditioning(noise.draw(1, 5, 12).tensor(), noise.draw(1, 6).tensor());
    }

    /** A residual is what the bias of a block's feed-forward adds, through a gate of 1; 2 of them serve 3 blocks. */
    @Test
    void residualsAreAddedAfterAllBlocksButTheLast() {
        try (TensorScope scope = TensorScope.open()) {
            RandomParameters random = new RandomParameters();
            Tensor added = new SeededNoise(4).draw(WIDTH).tensor();
            Parameters gatesOfOne = (name, shape) -> gatesOfOne(name, random.get(name, shape));
            Parameters moved = (name, shape) -> name.matches("transformer_blocks.[01].ff.net.2.bias")
                    ? random.get(name, shape).add(added)
                    : gatesOfOne.get(name, shape);
            Tensor residual = added.view(1, 1, WIDTH).expand(1, 16, WIDTH);
            Residuals residuals =
                    Residuals.ofBlocks(List.of(residual, torch.full(new long[] {1, 16, WIDTH}, new Scalar(9.0))));
            Residuals zero = Residuals.ofBlocks(List.of(torch.zeros(1, 16, WIDTH)));
            MMDiT mmdit = new MMDiT(CONFIG, gatesOfOne);
            assertThat(predict(mmdit, text().with(residuals)))
                    .isCloseTo(predict(new MMDiT(CONFIG, moved), text()), 1e-5);
            assertThat(predict(mmdit, text().with(zero))).isSameAs(predict(mmdit, text()));
        }
    }

    /** The last chunk of a modulation's six, or the sixth of nine, gates the feed-forward: here it is 1 in the first blocks. */
    private static Tensor gatesOfOne(String name, Tensor modulation) {
        if (!name.matches("transformer_blocks.[01].norm1.linear.*")) {
            return modulation;
        }
        Tensor changed = modulation.clone();
        changed.narrow(0, 5 * WIDTH, WIDTH).fill_(new Scalar(name.endsWith("bias") ? 1.0 : 0.0));
        return changed;
    }

    /** Keys and values that repeat the image's own leave an attention of the image to itself alone, added by its scale. */
    @Test
    void imageTokensAreAttendedToBesideTheImage() {
        try (TensorScope scope = TensorScope.open()) {
            MMDiT mmdit = new MMDiT(CONFIG, new RandomParameters());
            SeededNoise noise = new SeededNoise(5);
            RmsNorm norm = new RmsNorm(torch.ones(WIDTH / 2), WIDTH / 2, 1e-6);
            Tensor keys = noise.draw(1, 2, 4, WIDTH / 2).tensor();
            Tensor values = noise.draw(1, 2, 4, WIDTH / 2).tensor();
            DecoupledAttention layer = new DecoupledAttention(keys, values, 0.5, norm, norm);
            DecoupledAttention off = new DecoupledAttention(keys, values, 0, norm, norm);
            Tensor plain = predict(mmdit, text());
            assertThat(predict(mmdit, text().with(new ImageTokens(List.of(off, off, off)))))
                    .isSameAs(plain);
            Tensor first = predict(mmdit, text().with(new ImageTokens(List.of(layer, off, off))));
            Tensor last = predict(mmdit, text().with(new ImageTokens(List.of(off, off, layer))));
            assertThat(first.equal(plain)).isFalse();
            assertThat(last.equal(plain)).isFalse();
            assertThat(first.equal(last)).isFalse();
        }
    }
}
