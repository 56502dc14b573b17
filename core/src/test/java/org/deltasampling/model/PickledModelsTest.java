package org.deltasampling.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.PickleWriter;
import org.deltasampling.TinyModels;
import org.deltasampling.adapter.AdapterFile;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Models and their parts are the same from PyTorch's files as from safetensors. */
@ExtendWith(NoLeaks.class)
class PickledModelsTest {

    private static final String VAE = "vae/diffusion_pytorch_model";

    @TempDir
    Path folder;

    private Path model;

    @BeforeEach
    void writeModel() {
        model = TinyModels.sd1(folder.resolve("model"), 1);
    }

    /** The file of {@code stem} as a pickle, and no longer as safetensors. */
    private void pickle(String stem, String pickled) throws IOException {
        Path file = model.resolve(stem + ".safetensors");
        try (WeightFile weights = WeightFile.open(file)) {
            PickleWriter.write(model.resolve(pickled), weights);
        }
        Files.delete(file);
    }

    private static void assertSame(Checkpoint pickled, Checkpoint expected) {
        assertThat(pickled.architecture()).isEqualTo(expected.architecture());
        assertThat(pickled.parts().keySet())
                .containsExactlyElementsOf(expected.parts().keySet());
        expected.parts().forEach((name, part) -> {
            WeightSource weights =
                    Objects.requireNonNull(pickled.parts().get(name)).weights();
            try (TensorScope scope = TensorScope.open()) {
                for (String tensor : part.weights().names()) {
                    assertThat(weights.load(tensor).equal(part.weights().load(tensor)))
                            .as(tensor)
                            .isTrue();
                }
            }
        });
    }

    @Test
    void aFolderOfBinFilesIsTheModel() throws IOException {
        Path original = TinyModels.sd1(folder.resolve("original"), 1);
        pickle("unet/diffusion_pytorch_model", "unet/diffusion_pytorch_model.bin");
        pickle("text_encoder/model", "text_encoder/pytorch_model.bin");
        pickle(VAE, VAE + ".fp16.bin");
        try (Checkpoint pickled = Checkpoint.open(model);
                Checkpoint expected = Checkpoint.open(original)) {
            assertSame(pickled, expected);
        }
    }

    @Test
    void shardsThatABinIndexNamesAreTheModel() throws IOException {
        Path original = TinyModels.sd1(folder.resolve("original"), 1);
        Path file = model.resolve(VAE + ".safetensors");
        try (WeightFile weights = WeightFile.open(file)) {
            List<String> names = List.copyOf(weights.names());
            int half = names.size() / 2;
            PickleWriter.write(model.resolve(VAE + "-00001-of-00002.bin"), only(weights, names.subList(0, half)));
            PickleWriter.write(
                    model.resolve(VAE + "-00002-of-00002.bin"), only(weights, names.subList(half, names.size())));
            String map = names.stream()
                    .map(name -> "\"%s\": \"diffusion_pytorch_model-0000%d-of-00002.bin\""
                            .formatted(name, names.indexOf(name) < half ? 1 : 2))
                    .collect(Collectors.joining(", "));
            Files.writeString(model.resolve(VAE + ".bin.index.json"), "{\"weight_map\": {%s}}".formatted(map));
        }
        Files.delete(file);
        try (Checkpoint pickled = Checkpoint.open(model);
                Checkpoint expected = Checkpoint.open(original)) {
            assertSame(pickled, expected);
        }
    }

    private static WeightSource only(WeightSource weights, List<String> names) {
        return WeightSources.renamed(weights, names.stream().collect(Collectors.toMap(name -> name, name -> name)));
    }

    @Test
    void safetensorsComeBeforePicklesOfTheSamePart() throws IOException {
        Files.writeString(model.resolve("unet/diffusion_pytorch_model.bin"), "not read");
        Checkpoint.open(model).close();
        Files.delete(model.resolve(VAE + ".safetensors"));
        Files.writeString(model.resolve(VAE + ".bin"), "not a pickle");
        assertThatThrownBy(() -> Checkpoint.open(model).close())
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("nor one of torch.save");
    }

    @Test
    void aCheckpointAndAnAutoencoderOfOneFileAreTheModel() {
        Path ckpt = folder.resolve("model.ckpt");
        Path vae = folder.resolve("vae.pt");
        try (Checkpoint folderModel = Checkpoint.open(model)) {
            PickleWriter.write(ckpt, folderModel.inOriginalLayout());
            PickleWriter.write(vae, folderModel.vae().weights());
            try (Checkpoint pickled = Checkpoint.open(ckpt);
                    Checkpoint withVae = Checkpoint.open(ckpt, new ModelOverrides(vae, null))) {
                assertSame(pickled, folderModel);
                assertSame(withVae, folderModel);
            }
        }
    }

    @Test
    void aLoraIsApplied() {
        Path lora = TinyModels.lora(folder.resolve("lora.safetensors"), model, 2);
        Path pickled = folder.resolve("lora.pt");
        try (WeightFile weights = WeightFile.open(lora)) {
            PickleWriter.write(pickled, weights);
        }
        try (Checkpoint base = Checkpoint.open(model);
                AdapterFile expected = AdapterFile.open(lora);
                AdapterFile adapter = AdapterFile.open(pickled)) {
            assertThat(adapter.summary()).isEqualTo(expected.summary());
            assertThat(adapter.on(base).changes().keySet())
                    .isEqualTo(expected.on(base).changes().keySet());
        }
    }

    @Test
    void whatAPickleHoldsIsToldByItsNames() {
        Path file = folder.resolve("control.pth");
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = Map.of(
                    "control_model.input_hint_block.0.weight",
                    torch.ones(2),
                    "control_model.zero_convs.0.0.weight",
                    torch.ones(2));
            PickleWriter.write(file, WeightSources.of(tensors));
        }
        try (WeightFile control = WeightFile.open(file)) {
            assertThat(FileKind.of(control.names())).isEqualTo(FileKind.CONTROL_NET);
        }
    }
}
