package org.deltasampling.model.ipadapter;

import static org.deltasampling.TensorAssert.assertThat;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.deltasampling.image.ImageFile;
import org.deltasampling.model.ImageEncoder;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Text and image to image against diffusers' pipelines. */
@ExtendWith(NoLeaks.class)
class IpAdapterKitTest {

    private static ImageTensor image(Kit.Case kit) {
        return ImageFile.tensor(ImageFile.read(kit.path("image")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"ip-adapter-sd1", "ip-adapter-plus-sd1"})
    void preprocessingAndImageEmbedding(String name) {
        Kit.Case kit = Kit.at(name);
        try (ImageEncoder encoder = ImageEncoder.open(kit.path("image_encoder"));
                TensorScope scope = TensorScope.open()) {
            Tensor pixels = encoder.pixels(List.of(image(kit)));
            assertThat(pixels).isCloseTo(kit.tensor("in.pixels"), 1e-6);
            assertThat(encoder.encode(pixels, ImageEncoder.Output.EMBEDDING, Precision.FLOAT32, Device.CPU))
                    .isCloseTo(kit.tensor("out.image_embeds"), Kit.NETWORK);
        }
    }
}
