package org.deltasampling.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.NoLeaks;
import org.deltasampling.file.BadFileException;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files that PyTorch wrote ({@code pickles/make.py}) hold what their twins in safetensors hold. */
@ExtendWith(NoLeaks.class)
class PickleFileTest {

    @TempDir
    Path folder;

    static Path fixture(String name) {
        URL url = Objects.requireNonNull(PickleFileTest.class.getResource("/pickles/" + name), name);
        try {
            return Path.of(url.toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "dtypes.pt, dtypes",
        "dtypes-legacy.pt, dtypes-legacy",
        "views.pth, views",
        "views-legacy.pth, views-legacy",
        "deflated.pth, views",
        "protocol-3.bin, protocol-3",
        "protocol-4.bin, protocol-4",
        "protocol-5.bin, protocol-5",
        "protocol-4-legacy.bin, protocol-4-legacy",
        "lightning.ckpt, lightning",
        "nested.bin, nested"
    })
    void aFileHoldsWhatItsTwinHolds(String name, String twin) {
        try (WeightFile pickle = WeightFile.open(fixture(name));
                WeightFile safetensors = WeightFile.open(fixture(twin + ".safetensors"));
                TensorScope scope = TensorScope.open()) {
            assertThat(pickle.names()).containsExactlyInAnyOrderElementsOf(safetensors.names());
            for (String tensor : safetensors.names()) {
                assertThat(pickle.info(tensor)).as(tensor).isEqualTo(safetensors.info(tensor));
                Tensor loaded = pickle.load(tensor);
                assertThat(loaded.is_contiguous()).as(tensor).isTrue();
                assertThat(TensorInfo.of(loaded)).as(tensor).isEqualTo(safetensors.info(tensor));
                assertThat(loaded.equal(safetensors.load(tensor))).as(tensor).isTrue();
            }
        }
    }

    @Test
    void textsAndNumbersBesideTheTensorsAreMetadata() {
        try (WeightFile file = WeightFile.open(fixture("lightning.ckpt"))) {
            assertThat(file.metadata())
                    .containsEntry("global_step", "470000")
                    .containsEntry("pytorch-lightning_version", "1.4.2");
        }
    }

    @Test
    void whatWasLoadedOutlivesTheFileAndTheNameOfTheFileDoesNotMatter() throws IOException {
        Path path = folder.resolve("w.safetensors");
        Files.write(path, Pickles.legacy(Pickles.TENSOR));
        try (TensorScope scope = TensorScope.open()) {
            Tensor tensor;
            try (WeightFile file = WeightFile.open(path)) {
                tensor = file.load("w");
            }
            assertThat(tensor.equal(Tensor.create(1.5f, -2f))).isTrue();
        }
    }

    @Test
    void aFileThatWasWrittenToIsNotReadOn() throws IOException {
        Path path = folder.resolve("w.pt");
        Files.write(path, Pickles.zip(Pickles.TENSOR));
        try (WeightFile file = WeightFile.open(path);
                TensorScope scope = TensorScope.open()) {
            file.load("w");
            Files.write(path, Pickles.legacy(Pickles.TENSOR));
            assertThatThrownBy(() -> file.load("w")).isInstanceOf(BadFileException.class);
        }
    }

    @Test
    void aSafetensorsFileThatBeginsLikeAPickleIsRead() throws IOException {
        Path path = folder.resolve("w.safetensors");
        String header = "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}";
        String start = "\u0080\2\0\0\0\0\0\0" + header + " ".repeat(0x280 - header.length()) + "\7";
        Files.write(path, Pickles.bytes(start));
        try (WeightFile file = WeightFile.open(path)) {
            assertThat(file.names()).containsExactly("w");
        }
    }

    @ParameterizedTest
    @CsvSource({"views.pth", "views-legacy.pth", "protocol-4.bin"})
    void aFileCutShortIsRefusedWhereverItEnds(String name) throws IOException {
        byte[] whole = Files.readAllBytes(fixture(name));
        Path path = folder.resolve(name);
        for (int length = 1; length < whole.length; length += 13) {
            Files.write(path, Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> WeightFile.open(path).close())
                    .as("%d bytes", length)
                    .isInstanceOf(BadWeightsException.class);
        }
    }
}
