package org.deltasampling.model.clip;

import static org.deltasampling.TensorAssert.assertThat;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.model.RandomParameters;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(NoLeaks.class)
class ClipTextTest {

    private static final long ROWS = 10;
    private static final int WIDTH = 8;

    private static ClipText.Config config(long rows, long end) {
        return new ClipText.Config(
                new ClipText.Config.Text(rows, 6, end),
                new ClipLayers(2, WIDTH, 16, 2, Activation.QUICK_GELU, 1e-5),
                0);
    }

    /** An encoder whose table has two rows more says what is right; 9 ends a text, or where that is 2 the largest id. */
    @ParameterizedTest
    @ValueSource(longs = {9, 2})
    void idsBeyondTheVocabularyReadTheFurtherEmbeddings(long end) {
        try (TensorScope scope = TensorScope.open()) {
            RandomParameters random = new RandomParameters();
            Tensor more = new SeededNoise(4).draw(2, WIDTH).tensor();
            Parameters longer = (name, shape) -> name.endsWith("token_embedding.weight")
                    ? torch.cat(new TensorVector(random.get(name, ROWS, WIDTH), more), 0)
                    : random.get(name, shape);
            Tensor ids = Tensor.create(new long[] {8, 11, 3, 10, 9, 9}, 1, 6);

            ClipText.Output output =
                    new ClipText(config(ROWS, end), random).withEmbeddings(more).encode(ids);

            ClipText.Output expected = new ClipText(config(ROWS + 2, 9), longer).encode(ids);
            assertThat(output.last()).isSameAs(expected.last());
            assertThat(output.penultimate()).isSameAs(expected.penultimate());
            assertThat(output.pooled()).isSameAs(expected.pooled());
        }
    }

    @Test
    void ownIdsReadTheirOwnRows() {
        try (TensorScope scope = TensorScope.open()) {
            ClipText encoder = new ClipText(config(ROWS, 9), new RandomParameters());
            Tensor ids = Tensor.create(new long[] {8, 0, 3, 9, 9, 9}, 1, 6);
            Tensor more = torch.full(new long[] {1, WIDTH}, new Scalar(1.0));
            assertThat(encoder.withEmbeddings(more).encode(ids).last())
                    .isSameAs(encoder.encode(ids).last());
        }
    }
}
