package org.deltasampling.tensor;

import static org.deltasampling.TensorAssert.assertThat;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.ControlFixtures;
import org.deltasampling.IpAdapterFixtures;
import org.deltasampling.NoLeaks;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(NoLeaks.class)
class ResamplingTest {

    /** Every level is Pillow's, of an image of 53x37 that shrinks, grows or does both. */
    @ParameterizedTest
    @ValueSource(strings = {"53x20", "17x37", "16x16", "70x90", "200x11", "1x1"})
    void bicubicGivesPillowsLevels(String size) {
        try (TensorScope scope = TensorScope.open()) {
            assertThat(levels(size, Resampling.Filter.BICUBIC))
                    .isSameAs(IpAdapterFixtures.tensor("resized", "out." + size).to(torch.ScalarType.Float));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"53x20", "16x16", "70x90", "200x11"})
    void lanczosGivesPillowsLevels(String size) {
        try (TensorScope scope = TensorScope.open()) {
            assertThat(levels(size, Resampling.Filter.LANCZOS))
                    .isSameAs(ControlFixtures.tensor("lanczos." + size).to(torch.ScalarType.Float));
        }
    }

    private static Tensor levels(String size, Resampling.Filter filter) {
        return Resampling.resized(
                        IpAdapterFixtures.image("a"), PixelSize.parse(size).orElseThrow(), filter)
                .tensor()
                .mul(new Scalar(127.5))
                .add(new Scalar(127.5))
                .round()
                .squeeze(0);
    }
}
