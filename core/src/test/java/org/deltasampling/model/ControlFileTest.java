package org.deltasampling.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** ControlNets and T2I-Adapters of every layout are the same networks. */
@ExtendWith(NoLeaks.class)
class ControlFileTest {

    @TempDir
    Path folder;

    private static final KeyTable CONTROL_NET =
            KeyTable.read("controlnet-original", Map.of("levels", 3, "layers", 2, "hints", 4), Map.of());

    private static final KeyTable ADAPTER =
            KeyTable.read("t2i-adapter-original", Map.of("levels", 3, "resnets", 2), Map.of());

    @Test
    void theOriginalLayoutOfAControlNetIsRead() {
        requireSame("controlnet-sd1/controlnet", CONTROL_NET, name -> name, "a ControlNet in the original layout");
    }

    @Test
    void theOriginalLayoutOfAControlNetAloneIsRead() {
        requireSame(
                "controlnet-sd1/controlnet",
                CONTROL_NET,
                name -> name.substring("control_model.".length()),
                "a ControlNet in the original layout");
    }

    @Test
    void theOriginalLayoutOfAT2iAdapterIsRead() {
        Path whole = Kit.root().resolve("t2i-adapter-sd1/adapter");
        Path file = written(whole, ADAPTER, name -> name);
        // without a config it is taken for one that sees 8x8 pixels, as the published ones do
        assertThatThrownBy(() -> ControlFile.open(file).close())
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("a T2I-Adapter in the original layout")
                .hasMessageContaining("conv_in.weight")
                .hasMessageNotContaining("missing");
    }

    @Test
    void oneForAnotherFamilyNamesTheSource() {
        Path model = Kit.root().resolve("pipe-sdxl/model");
        try (ControlFile file = ControlFile.open(Kit.root().resolve("controlnet-sd1/controlnet"));
                Checkpoint xl = Checkpoint.open(model)) {
            assertThatThrownBy(() -> file.requireFits(xl))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("32 wide, not 96")
                    .hasMessageContaining("as a delta's source");
        }
    }

    private void requireSame(String path, KeyTable table, UnaryOperator<String> name, String title) {
        Path whole = Kit.root().resolve(path);
        try (ControlFile folderOf = ControlFile.open(whole);
                ControlFile file = ControlFile.open(written(whole, table, name))) {
            assertThat(file.title()).isEqualTo(title);
            assertThat(file.weights().names()).isEqualTo(folderOf.weights().names());
            try (TensorScope scope = TensorScope.open()) {
                for (String weight : file.weights().names()) {
                    TensorAssert.assertThat(file.weights().load(weight))
                            .isSameAs(folderOf.weights().load(weight));
                }
            }
        }
    }

    private Path written(Path whole, KeyTable table, UnaryOperator<String> name) {
        Path file = folder.resolve("original.safetensors");
        try (ControlFile from = ControlFile.open(whole)) {
            WeightSource original = table.inFileNames(from.weights());
            Map<String, String> names = original.names().stream().collect(Collectors.toMap(name, inTable -> inTable));
            SafetensorsWriter.write(file, WeightSources.renamed(original, names), Map.of());
        }
        return file;
    }
}
