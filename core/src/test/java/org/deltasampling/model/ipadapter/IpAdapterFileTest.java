package org.deltasampling.model.ipadapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.IpAdapterFixtures;
import org.deltasampling.NoLeaks;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.ImageEncoder;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(NoLeaks.class)
class IpAdapterFileTest {

    private static final Path MODEL = Path.of("model");

    @TempDir
    Path folder;

    /** An adapter of the fixtures with other weights. */
    private Path changed(String name, Consumer<Map<String, Tensor>> change) {
        Path to = folder.resolve(name + ".safetensors");
        try (WeightFile file = WeightFile.open(IpAdapterFixtures.path(name + ".safetensors"));
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            file.names().forEach(weight -> tensors.put(weight, file.load(weight)));
            change.accept(tensors);
            SafetensorsWriter.write(to, tensors);
        }
        return to;
    }

    @ParameterizedTest
    @CsvSource({"plain,PLAIN", "plus,PLUS", "full-face,FULL_FACE", "timed,TIMED"})
    void kindsAreToldApart(String name, IpAdapterKind kind) {
        try (IpAdapterFile file = IpAdapterFile.open(IpAdapterFixtures.path(name + ".safetensors"))) {
            assertThat(file.kind()).isEqualTo(kind);
        }
    }

    @Test
    void widthsTellFamilyAndEncoder() {
        Path sd1 = changed("plain", tensors -> {
            tensors.clear();
            tensors.put("image_proj.proj.weight", torch.zeros(768, 1024));
            tensors.put("image_proj.proj.bias", torch.zeros(768));
            tensors.put("image_proj.norm.weight", torch.zeros(768));
            tensors.put("image_proj.norm.bias", torch.zeros(768));
            tensors.put("ip_adapter.1.to_k_ip.weight", torch.zeros(320, 768));
            tensors.put("ip_adapter.1.to_v_ip.weight", torch.zeros(320, 768));
        });
        try (IpAdapterFile file = IpAdapterFile.open(sd1)) {
            assertThat(file.family()).contains(Architecture.SD1);
            assertThat(file.imageEncoder()).contains("OpenCLIP's ViT-H/14");
            assertThat(file.title())
                    .isEqualTo("an IP-Adapter for Stable Diffusion 1.x with 1 attention layer and tokens 768 wide");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "image_proj.perceiver_resampler.proj_in.weight",
                "ip_adapter.1.to_k_lora.down.weight",
            })
    void faceIdIsRefusedByName(String name) {
        Path file = changed("plain", tensors -> tensors.put(name, torch.zeros(2, 2)));
        assertThatThrownBy(() -> IpAdapterFile.open(file))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("is an IP-Adapter FaceID");
    }

    @Test
    void otherFilesAreRefusedByWhatTheyAre() {
        Path unet = IpAdapterFixtures.path("unet").resolve("diffusion_pytorch_model.safetensors");
        assertThatThrownBy(() -> IpAdapterFile.open(unet))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("is not an IP-Adapter: it looks like a UNet alone");
    }

    @Test
    void whatIsMissingIsNamed() {
        Path file = changed("plus", tensors -> tensors.remove("image_proj.layers.2.0.to_kv.weight"));
        assertThatThrownBy(() -> IpAdapterFile.open(file))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("1 weight is missing: image_proj.layers.2.0.to_kv.weight");
        Path none = changed("plain", tensors -> tensors.keySet().removeIf(name -> name.startsWith("ip_adapter")));
        assertThatThrownBy(() -> IpAdapterFile.open(none)).hasMessageContaining("it has no attention layers");
    }

    @Test
    void networksOfOtherFormsAreRefused() {
        try (ImageEncoder clip = ImageEncoder.open(IpAdapterFixtures.path("clip"));
                IpAdapterFile plain = IpAdapterFile.open(IpAdapterFixtures.path("plain.safetensors"));
                IpAdapterFile less = IpAdapterFile.open(changed(
                        "plus", tensors -> tensors.keySet().removeIf(name -> name.startsWith("ip_adapter.3."))));
                IpAdapterFile timed = IpAdapterFile.open(IpAdapterFixtures.path("timed.safetensors"));
                IpAdapterFile otherHeads = IpAdapterFile.open(changed(
                        "timed",
                        tensors -> tensors.replaceAll((name, tensor) ->
                                name.contains(".norm_q") || name.contains(".norm_k") || name.contains(".norm_ip_k")
                                        ? torch.zeros(4)
                                        : tensor)))) {
            assertThatThrownBy(
                            () -> plain.load(AdaptedFixture.transformer(), MODEL, clip, Precision.FLOAT32, Device.CPU))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining(
                            "an IP-Adapter with 8 attention layers and tokens 12 wide, and model is Stable Diffusion 3.5 large with 2 attention layers and tokens 16 wide: give");
            assertThatThrownBy(() -> less.load(AdaptedFixture.unet(), MODEL, clip, Precision.FLOAT32, Device.CPU))
                    .hasMessageContaining("an IP-Adapter Plus with 7 attention layers");
            assertThatThrownBy(() -> timed.load(AdaptedFixture.unet(), MODEL, clip, Precision.FLOAT32, Device.CPU))
                    .hasMessageContaining("model is Stable Diffusion XL");
            assertThatThrownBy(() ->
                            otherHeads.load(AdaptedFixture.transformer(), MODEL, clip, Precision.FLOAT32, Device.CPU))
                    .hasMessageContaining("give an IP-Adapter made for the model");
        }
    }

    @Test
    void imageEncodersOfOtherWidthsAreRefused() {
        try (ImageEncoder siglip = ImageEncoder.open(IpAdapterFixtures.path("siglip"));
                IpAdapterFile plain = IpAdapterFile.open(IpAdapterFixtures.path("plain.safetensors"));
                IpAdapterFile plus = IpAdapterFile.open(IpAdapterFixtures.path("plus.safetensors"))) {
            assertThatThrownBy(() -> plain.requireFits(siglip))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("reads an image embedding 24 wide, and the image encoder")
                    .hasMessageContaining("gives none: name the one that the adapter was made for by image-encoder");
            assertThatThrownBy(() -> plus.requireFits(siglip))
                    .hasMessageContaining("reads hidden states 32 wide")
                    .hasMessageContaining("gives them 16 wide");
        }
    }

    /** Weights that are missing, renamed or of another shape: what opens and fits runs, all else is refused in one sentence. */
    @ParameterizedTest
    @ValueSource(strings = {"plain", "plus", "full-face", "timed"})
    void damagedFilesAreRefusedOrRun(String name) {
        Random random = new Random(7);
        boolean timed = name.equals("timed");
        try (ImageEncoder encoder = ImageEncoder.open(IpAdapterFixtures.path(timed ? "siglip" : "clip"))) {
            for (int i = 0; i < 50; i++) {
                Path file = changed(name, tensors -> damage(tensors, random));
                try (IpAdapterFile opened = IpAdapterFile.open(file);
                        IpAdapter adapter = opened.load(
                                timed ? AdaptedFixture.transformer() : AdaptedFixture.unet(),
                                MODEL,
                                encoder,
                                Precision.FLOAT32,
                                Device.CPU);
                        TensorScope scope = TensorScope.open()) {
                    adapter.prompts(List.of(IpAdapterFixtures.image("b")), 1)
                            .conditional()
                            .layers(Tensor.create(500f));
                } catch (DeltaSamplingException e) {
                    assertThat(e.getMessage()).hasSizeLessThan(1500).doesNotContain("\n", "Exception");
                }
            }
        }
    }

    private static void damage(Map<String, Tensor> tensors, Random random) {
        List<String> names = new ArrayList<>(tensors.keySet());
        String one = names.get(random.nextInt(names.size()));
        String other = names.get(random.nextInt(names.size()));
        Tensor tensor = Objects.requireNonNull(tensors.get(one));
        switch (random.nextInt(5)) {
            case 0 -> tensors.remove(one);
            case 1 -> tensors.put(one, tensors.get(other));
            case 2 -> tensors.put(one.replaceFirst("\\d+", Integer.toString(random.nextInt(200))), tensor);
            case 3 -> tensors.put(one, tensor.flatten().narrow(0, 0, 1 + random.nextInt((int) tensor.numel())));
            default ->
                tensors.put(
                        one,
                        tensor.narrow(0, 0, random.nextInt((int) tensor.size(0) + 1))
                                .contiguous());
        }
    }
}
