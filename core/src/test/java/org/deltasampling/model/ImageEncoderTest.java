package org.deltasampling.model;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.deltasampling.TensorAssert.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.IpAdapterFixtures;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.deltasampling.file.BadFileException;
import org.deltasampling.model.ImageEncoder.Output;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Against transformers' answers (resources, {@code ipadapter/make.py}). */
@ExtendWith(NoLeaks.class)
class ImageEncoderTest {

    @TempDir
    Path folder;

    private static void equalsTransformersClip(Path path) {
        try (ImageEncoder encoder = ImageEncoder.open(path);
                TensorScope scope = TensorScope.open()) {
            Tensor pixels = encoder.pixels(List.of(IpAdapterFixtures.image("a"), IpAdapterFixtures.image("b")));
            assertThat(pixels).isCloseTo(IpAdapterFixtures.tensor("clip", "out.pixels"), 1e-6);
            assertThat(encoder.encode(pixels, Output.EMBEDDING, Precision.FLOAT32, Device.CPU))
                    .isCloseTo(IpAdapterFixtures.tensor("clip", "out.embedding"), Kit.NETWORK);
            assertThat(encoder.encode(pixels, Output.HIDDEN_STATES, Precision.FLOAT32, Device.CPU))
                    .isCloseTo(IpAdapterFixtures.tensor("clip", "out.penultimate"), Kit.NETWORK);
        }
    }

    @Test
    void clipInAFolder() {
        equalsTransformersClip(IpAdapterFixtures.path("clip"));
    }

    @Test
    void clipInAFileWithItsConfigBeside() {
        equalsTransformersClip(IpAdapterFixtures.path("clip").resolve("model.safetensors"));
    }

    /** What leaves no trace in the shapes is as in the published encoders. */
    @Test
    void clipInAFileAlone() throws Exception {
        Path file = folder.resolve("encoder.safetensors");
        Files.copy(IpAdapterFixtures.path("clip").resolve("model.safetensors"), file);
        equalsTransformersClip(file);
    }

    @Test
    void clipUnderTheNamesOfOpenClip() {
        equalsTransformersClip(IpAdapterFixtures.path("openclip.safetensors"));
    }

    @Test
    void siglip() {
        equalsTransformersSiglip(IpAdapterFixtures.path("siglip"));
    }

    private static void equalsTransformersSiglip(Path path) {
        try (ImageEncoder encoder = ImageEncoder.open(path);
                TensorScope scope = TensorScope.open()) {
            Tensor pixels = encoder.pixels(List.of(IpAdapterFixtures.image("a")));
            assertThat(pixels).isCloseTo(IpAdapterFixtures.tensor("siglip", "out.pixels"), 1e-6);
            assertThat(encoder.encode(pixels, Output.HIDDEN_STATES, Precision.FLOAT32, Device.CPU))
                    .isCloseTo(IpAdapterFixtures.tensor("siglip", "out.penultimate"), Kit.NETWORK);
        }
    }

    /** As in the file of a whole SigLIP, of which the encoder is a part. */
    @Test
    void siglipInTheFileOfAWholeModel() throws Exception {
        Files.copy(IpAdapterFixtures.path("siglip").resolve("config.json"), folder.resolve("config.json"));
        Path file = folder.resolve("model.safetensors");
        changed(IpAdapterFixtures.path("siglip").resolve("model.safetensors"), file, tensors -> {
            Map<String, Tensor> whole = new LinkedHashMap<>();
            tensors.forEach((name, tensor) -> whole.put("vision_model." + name, tensor));
            whole.put("logit_bias", torch.zeros(1));
            whole.put("text_model.final_layer_norm.bias", torch.zeros(16));
            return whole;
        });
        equalsTransformersSiglip(folder);
    }

    @Test
    void whatIsMissingIsNamed() {
        Path file = folder.resolve("encoder.safetensors");
        changed(IpAdapterFixtures.path("clip").resolve("model.safetensors"), file, tensors -> {
            tensors.remove("vision_model.pre_layrnorm.bias");
            return tensors;
        });
        assertThatThrownBy(() -> ImageEncoder.open(file))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("1 weight is missing: vision_model.pre_layrnorm.bias");
    }

    @Test
    void anImageProcessorOfAnotherKindIsRefused() throws Exception {
        Kit.copy(IpAdapterFixtures.path("clip"), folder);
        Path processor = folder.resolve("preprocessor_config.json");
        Files.writeString(processor, "{\"resample\": 2}");
        assertThatThrownBy(() -> ImageEncoder.open(folder))
                .hasMessageContaining(processor + ": ")
                .hasMessageContaining("resample");
        Files.writeString(processor, "{\"size\": {\"shortest_edge\": 224}}");
        assertThatThrownBy(() -> ImageEncoder.open(folder)).hasMessageContaining("size is not the size of the images");
    }

    @Test
    void veryNarrowImagesAreRefused() {
        try (ImageEncoder encoder = ImageEncoder.open(IpAdapterFixtures.path("clip"));
                TensorScope scope = TensorScope.open()) {
            ImageTensor narrow = new ImageTensor(torch.zeros(1, 3, 1, 20_000));
            assertThatThrownBy(() -> encoder.pixels(List.of(narrow)))
                    .isInstanceOf(BadFileException.class)
                    .hasMessageContaining("an image of 20000x1 is too narrow");
        }
    }

    private static void changed(Path from, Path to, UnaryOperator<Map<String, Tensor>> change) {
        try (WeightFile file = WeightFile.open(from);
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            file.names().forEach(name -> tensors.put(name, file.load(name)));
            SafetensorsWriter.write(to, change.apply(tensors));
        }
    }
}
