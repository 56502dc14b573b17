package org.deltasampling.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.deltasampling.TensorAssert.assertThat;

import org.bytedeco.pytorch.Tensor;
import org.deltasampling.NoLeaks;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLeaks.class)
class ImageTensorTest {

    /** Three equal channels, two rows of four pixels. */
    private static ImageTensor image() {
        Tensor grey = Tensor.create(new float[] {-2, 0, 1, 3, 0, 2, 1, 1}, 1, 1, 2, 4);
        return new ImageTensor(grey.expand(1, 3, 2, 4));
    }

    @Test
    void sizesAreWidthThenHeight() {
        try (TensorScope scope = TensorScope.open()) {
            assertThat(image().size()).isEqualTo(new PixelSize(4, 2));
            assertThat(new Latent(image().tensor()).size()).isEqualTo(new LatentSize(4, 2));
        }
    }

    @Test
    void resizedTakesMeansWhereItShrinks() {
        try (TensorScope scope = TensorScope.open()) {
            ImageTensor half = image().resized(new PixelSize(2, 1));
            assertThat(half.tensor()).hasShape(1, 3, 1, 2);
            assertThat(new Latent(half.tensor()).values()).containsExactly(0, 1.5f, 0, 1.5f, 0, 1.5f);
            assertThat(new Latent(image().tensor().contiguous())
                            .resized(new LatentSize(2, 1))
                            .values())
                    .containsExactly(0, 1.5f, 0, 1.5f, 0, 1.5f);
        }
    }

    @Test
    void clampedIsWithinOne() {
        try (TensorScope scope = TensorScope.open()) {
            assertThat(new Latent(image().clamped().tensor()).values()).startsWith(-1, 0, 1, 1, 0, 1, 1, 1);
        }
    }

    @Test
    void anImageOutlivesTheRegionItIsReturnedFrom() {
        try (TensorScope scope = TensorScope.open()) {
            long before = TensorScope.liveObjects();
            ImageTensor kept = TensorScope.scoped(() -> image().clamped().clamped());
            assertThat(TensorScope.liveObjects()).isEqualTo(before + 1);
            assertThat(kept.size()).isEqualTo(new PixelSize(4, 2));
        }
    }
}
