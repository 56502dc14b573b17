package org.deltasampling.bridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.NoLeaks;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.pipeline.Inspection;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.SafetensorsWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Bridges in files. */
@ExtendWith(NoLeaks.class)
class BridgeFileTest {

    private static final AutoencoderId TARGET =
            new AutoencoderId(new LatentSpace(3, 8, 0.13025, 0), new float[] {1, 2});
    private static final AutoencoderId SOURCE =
            new AutoencoderId(new LatentSpace(2, 4, 1.5305, 0.0609), new float[] {3, 4, 5});

    @TempDir
    Path folder;

    private BridgeFile written(Path file) {
        ChannelMap there = ChannelMap.of(new double[][] {{1, 2, 3}, {4, 5, 6}}, new double[] {7, 8});
        ChannelMap back = new ChannelMap(3, 2, 3, new double[54], new double[] {0.1, 0.2, 0.3});
        BridgeFit fit = new BridgeFit(
                there, back, new Explained(List.of(0.9, 0.8), 0.85), new Explained(List.of(0.5, 0.4, 0.3), 0.4));
        BridgeFile bridge = new BridgeFile(fit, TARGET, SOURCE);
        bridge.write(file);
        return bridge;
    }

    @Test
    void aBridgeComesBackAsItWas() {
        Path file = folder.resolve("bridge.safetensors");
        BridgeFile written = written(file);
        BridgeFile read = BridgeFile.read(file);
        assertThat(read.fit().there().weights()).containsExactly(1, 2, 3, 4, 5, 6);
        assertThat(read.fit().there().bias()).containsExactly(7, 8);
        assertThat(read.fit().back().side()).isEqualTo(3);
        assertThat(read.fit().back().bias()).containsExactly(0.1, 0.2, 0.3);
        assertThat(read.fit().explainedThere()).isEqualTo(written.fit().explainedThere());
        assertThat(read.fit().explainedBack()).isEqualTo(written.fit().explainedBack());
        assertThat(read.fit().explained()).isEqualTo(0.4);
        assertThat(read.target()).isEqualTo(TARGET);
        assertThat(read.source()).isEqualTo(SOURCE);
    }

    @Test
    void aBridgeGoesBothWaysAndBetweenItsOwnLatentsOnly() {
        Path file = folder.resolve("bridge.safetensors");
        written(file);
        BridgeFile read = BridgeFile.read(file);
        assertThat(read.between(TARGET, SOURCE, file).there().outputs()).isEqualTo(2);
        assertThat(read.between(SOURCE, TARGET, file).there().outputs()).isEqualTo(3);
        assertThatThrownBy(() -> read.between(TARGET, TARGET, file))
                .isInstanceOf(BadRecipeException.class)
                .hasMessageContaining("3 channels")
                .hasMessageContaining("bridge fit");
    }

    /** Where both autoencoders' latents are of one kind, their weights say which is which. */
    @Test
    void betweenLatentsOfOneKindTheWeightsDecide() {
        LatentSpace space = new LatentSpace(1, 8, 1, 0);
        AutoencoderId a = new AutoencoderId(space, new float[] {1, 2});
        AutoencoderId b = new AutoencoderId(space, new float[] {-2, 1});
        AutoencoderId rounded = new AutoencoderId(space, new float[] {1.001f, 2});
        Explained whole = new Explained(List.of(1.0), 1);
        BridgeFit fit = new BridgeFit(ChannelMap.of(new double[] {2}), ChannelMap.of(new double[] {0.5}), whole, whole);
        BridgeFile bridge = new BridgeFile(fit, a, b);
        Path file = folder.resolve("bridge.safetensors");
        assertThat(bridge.between(rounded, b, file).there().weights()).containsExactly(2);
        assertThat(bridge.between(b, rounded, file).there().weights()).containsExactly(0.5);
        assertThatThrownBy(() -> bridge.between(a, a, file)).isInstanceOf(BadRecipeException.class);
    }

    @Test
    void inspectionSaysWhatItIsBetween() {
        Path file = folder.resolve("bridge.safetensors");
        written(file);
        Inspection inspection = Inspection.of(file);
        assertThat(inspection.loadable()).isTrue();
        assertThat(inspection.toText())
                .contains("a bridge between latents: from 3 channels")
                .contains("R-squared 0.85")
                .contains("70 parameters, float32 and float64");
    }

    @Test
    void anotherFileIsRefused() {
        Path file = folder.resolve("other.safetensors");
        try (TensorScope scope = TensorScope.open()) {
            SafetensorsWriter.write(file, Map.of("latents", Tensor.create(1f, 2f)));
        }
        assertThatThrownBy(() -> BridgeFile.read(file))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("not a bridge")
                .hasMessageContaining("bridge fit");
    }
}
