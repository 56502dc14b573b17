package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.TinyModels;
import org.deltasampling.adapter.AddedWords;
import org.deltasampling.adapter.RoleAdapter;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.Conditioning;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What an adapter may change in a role beside its weights: words of the text encoder, and the network as a whole. */
@ExtendWith(NoLeaks.class)
class RoleAdapterTest {

    @TempDir
    Path folder;

    private static Tensor tokens(Model model, String prompt) {
        Map<String, Conditioning> all = model.texts().encode(List.of(prompt), new PixelSize(16, 16), warning -> {});
        return Objects.requireNonNull(all.get(prompt)).tokens();
    }

    @Test
    void anAddedWordIsReadByItsVectorsAndOtherPromptsStayAsTheyWere() {
        try (Checkpoint checkpoint = Checkpoint.open(TinyModels.sd1(folder.resolve("sd1"), 1));
                Model model = Model.of(checkpoint, Precision.FLOAT32, Device.CPU);
                TensorScope scope = TensorScope.open()) {
            float[] ones = new float[(int) checkpoint.text().config().layers().width()];
            Arrays.fill(ones, 1);
            AddedWords words = new AddedWords(Map.of("<ink>", List.of(ones, ones)));
            RoleAdapter adapter =
                    new RoleAdapter(Map.of(), Map.of(Checkpoint.textEncoder(0), words), UnaryOperator.identity());
            try (Model knowing = model.with(adapter, List.of(), List.of())) {
                TensorAssert.assertThat(tokens(knowing, "a cat")).isSameAs(tokens(model, "a cat"));
                assertThat(TensorAssert.error(tokens(knowing, "a <ink> cat"), tokens(model, "a <ink> cat")))
                        .isGreaterThan(1e-3);
            }
        }
    }

    @Test
    void aWrapperOfTheNetworkIsWhatIsSampledAndWrappersCompose() {
        try (Checkpoint checkpoint = Checkpoint.open(TinyModels.sd1(folder.resolve("sd1"), 1));
                Model model = Model.of(checkpoint, Precision.FLOAT32, Device.CPU);
                TensorScope scope = TensorScope.open()) {
            RoleAdapter halving = new RoleAdapter(
                    Map.of(),
                    Map.of(),
                    inner -> (x, timesteps, conditioning) ->
                            inner.predict(x, timesteps, conditioning).mul(new Scalar(0.5)));
            try (Model quarter = model.with(halving.then(halving), List.of(), List.of())) {
                model.load(path -> {});
                quarter.load(path -> {});
                Conditioning text = new Conditioning(tokens(model, "a cat"));
                NoiseLevel level = NoiseLevel.preserving(500, 1);
                Latent x = new SeededNoise(1).draw(1, 4, 8, 8);
                UnaryOperator<Backbone> none = UnaryOperator.identity();
                Latent plain = level.noise(
                        x,
                        model.guided(List.of(text), List.of(text), 1, none, none)
                                .denoise(x, level));
                Latent wrapped = level.noise(
                        x,
                        quarter.guided(List.of(text), List.of(text), 1, none, none)
                                .denoise(x, level));
                TensorAssert.assertThat(wrapped.tensor())
                        .isCloseTo(plain.times(0.25).tensor(), 1e-5);
            }
        }
    }
}
