package org.deltasampling.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every form of a textual inversion gives its rows to the text encoders of their width. */
@ExtendWith(NoLeaks.class)
class EmbeddingFileTest {

    @TempDir
    Path folder;

    private static Path fixture(String name) {
        URL url = Objects.requireNonNull(EmbeddingFileTest.class.getResource("/pickles/" + name), name);
        try {
            return Path.of(url.toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private Path written(Map<String, Tensor> tensors) {
        Path file = folder.resolve("my-word.safetensors");
        SafetensorsWriter.write(file, tensors);
        return file;
    }

    /** The widths of the two text encoders of a small SD-XL. */
    private static List<Integer> widths(Checkpoint model) {
        return model.texts().stream()
                .map(text -> (int) text.config().layers().width())
                .toList();
    }

    private static Tensor filled(int rows, int width, double value) {
        return torch.ones(rows, width).mul(new Scalar(value));
    }

    private static List<float[]> rows(RoleAdapter adapter, int encoder, String word) {
        return Objects.requireNonNull(
                adapter.wordsOf(Checkpoint.textEncoder(encoder)).vectors().get(word), word);
    }

    @ParameterizedTest
    @CsvSource({
        "embedding-a1111.pt, a1111, 2",
        "embedding-a1111-plain.pt, a1111, 2",
        "embedding-diffusers.bin, <cat-toy>, 1",
        "embedding-bare.bin, embedding-bare, 2",
        "embedding-list.pt, embedding-list, 2",
        "embedding-pair.pt, embedding-pair, 2"
    })
    void aFileOfEachProgramHasItsWordAndItsRows(String name, String token, int length) {
        EmbeddingFile file = EmbeddingFile.open(fixture(name));
        assertThat(file.token()).isEqualTo(token);
        assertThat(file.length()).isEqualTo(length);
        try (Checkpoint model = Checkpoint.open(TinyModels.sd1(folder.resolve("sd1"), 1));
                WeightFile twin = WeightFile.open(fixture("embedding-rows.safetensors"));
                TensorScope scope = TensorScope.open()) {
            Tensor rows = twin.load("rows");
            List<float[]> read = rows(file.on(model, null), 0, token);
            for (int i = 0; i < length; i++) {
                float[] row = read.get(i);
                assertThat(rows.narrow(0, i, 1).equal(Tensor.create(row, 1, row.length)))
                        .as("row %d", i)
                        .isTrue();
            }
        }
    }

    @Test
    void aPairGoesToTheTwoTextEncodersAndAnEmbeddingOfOneIsLeftOutOfTheOther() {
        try (Checkpoint model = Checkpoint.open(TinyModels.of(Architecture.SDXL, folder.resolve("sdxl"), 1));
                TensorScope scope = TensorScope.open()) {
            List<Integer> widths = widths(model);
            RoleAdapter pair = EmbeddingFile.open(written(Map.of(
                            "clip_l", filled(2, widths.get(0), 3),
                            "clip_g", filled(2, widths.get(1), 5))))
                    .on(model, null);
            assertThat(rows(pair, 0, "my-word")).hasSize(2).allMatch(row -> row[0] == 3);
            assertThat(rows(pair, 1, "my-word")).hasSize(2).allMatch(row -> row[0] == 5);
            RoleAdapter second = EmbeddingFile.open(written(Map.of("clip_g", filled(2, widths.get(1), 5))))
                    .on(model, "<x>");
            assertThat(rows(second, 0, "<x>")).isEmpty();
            assertThat(rows(second, 1, "<x>")).hasSize(2);
        }
    }

    @Test
    void aVectorIsARowAndAnotherTokenMayStandForIt() {
        try (Checkpoint model = Checkpoint.open(TinyModels.sd1(folder.resolve("sd1"), 1));
                TensorScope scope = TensorScope.open()) {
            int width = widths(model).get(0);
            EmbeddingFile file = EmbeddingFile.open(
                    written(Map.of("emb_params", torch.ones(width).to(torch.ScalarType.Half))));
            float[] ones = new float[width];
            Arrays.fill(ones, 1);
            assertThat(rows(file.on(model, "<x>"), 0, "<x>")).containsExactly(ones);
            assertThatThrownBy(() -> file.on(model, " "))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("token");
        }
    }

    @Test
    void anEmbeddingOfAnotherFamilyIsRefusedByThatFamily() {
        try (Checkpoint model = Checkpoint.open(TinyModels.sd1(folder.resolve("sd1"), 1));
                TensorScope scope = TensorScope.open()) {
            Map<Integer, String> families = Map.of(768, "Diffusion 1.x", 1024, "Diffusion 2.x", 1280, "XL and 3");
            families.forEach((width, family) -> {
                EmbeddingFile file = EmbeddingFile.open(written(Map.of("emb_params", torch.ones(1, width))));
                assertThatThrownBy(() -> file.on(model, null))
                        .isInstanceOf(BadWeightsException.class)
                        .hasMessageContaining(family);
            });
        }
    }

    @Test
    void embeddingsThatALoraBundlesAreReadByTheirWords() {
        try (TensorScope scope = TensorScope.open()) {
            Path lora = written(Map.of(
                    "bundle_emb.first.string_to_param.*", torch.ones(2, 6),
                    "bundle_emb.second.clip_l", torch.ones(1, 6),
                    "bundle_emb.second.clip_g", torch.ones(1, 10),
                    "lora_unet_conv_in.lora_up.weight", torch.ones(2, 2)));
            assertThat(EmbeddingFile.bundledIn(lora))
                    .extracting(EmbeddingFile::token)
                    .containsExactlyInAnyOrder("first", "second");
        }
    }

    @Test
    void whatIsNoTextualInversionIsRefused() {
        try (TensorScope scope = TensorScope.open()) {
            refused(Map.of("emb_params", torch.ones(76, 6)), "a prompt has room for 75 tokens");
            refused(Map.of("emb_params", torch.ones(2, 3, 4)), "rather than rows of one width");
            refused(Map.of("emb_params", torch.ones(0, 6)), "rather than rows of one width");
            refused(Map.of("a", torch.ones(1, 6), "b", torch.ones(1, 6)), "not a textual inversion");
            refused(Map.of("emb_params", torch.ones(1, 6).div(new Scalar(0.0))), "emb_params");
        }
    }

    private void refused(Map<String, Tensor> tensors, String words) {
        assertThatThrownBy(() -> EmbeddingFile.open(written(tensors)))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining(words);
    }
}
