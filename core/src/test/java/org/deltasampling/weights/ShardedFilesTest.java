package org.deltasampling.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.NoLeaks;
import org.deltasampling.file.BadFileException;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(NoLeaks.class)
class ShardedFilesTest {

    @TempDir
    Path folder;

    private Path index;

    @BeforeEach
    void writeShards() throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            SafetensorsWriter.write(folder.resolve("model/m-1-of-2.safetensors"), Map.of("a", torch.ones(3)));
            SafetensorsWriter.write(folder.resolve("model/m-2-of-2.safetensors"), Map.of("b", torch.ones(5)));
            SafetensorsWriter.write(folder.resolve("outside.safetensors"), Map.of("b", torch.ones(5)));
        }
        index = index("{\"weight_map\": {\"a\": \"m-1-of-2.safetensors\", \"b\": \"m-2-of-2.safetensors\"}}");
    }

    @Test
    void theFilesAreOneSource() throws IOException {
        try (ShardedFiles shards = ShardedFiles.open(index);
                TensorScope scope = TensorScope.open()) {
            assertThat(shards.names()).containsExactlyInAnyOrder("a", "b");
            assertThat(shards.paths()).hasSize(2);
            assertThat(shards.load("b").sum().item_double()).isEqualTo(5);
            shards.requireUnchanged();
            assertThatThrownBy(() -> shards.load("c")).hasMessageContaining("index.json has no tensor c");
            Files.write(folder.resolve("model/m-2-of-2.safetensors"), new byte[3]);
            assertThatThrownBy(shards::requireUnchanged).isInstanceOf(BadFileException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../outside.safetensors",
                "../model/m-1-of-2.safetensors",
                "./m-1-of-2.safetensors",
                "sub/m-1-of-2.safetensors",
                "/etc/passwd",
                "C:\\model.safetensors",
                "..",
                "",
                "m\0.safetensors",
            })
    void anIndexLeadsNowhereElse(String shard) throws IOException {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        root.putObject("weight_map").put("b", shard);
        index(root.toString());
        assertThatThrownBy(() -> ShardedFiles.open(index).close())
                .isInstanceOf(DeltaSamplingException.class)
                .hasMessageContaining("index.json says that b is in")
                .hasMessageContaining("which is not the name of a file beside it");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"weight_map\": {\"a\": 5}}",
                "{\"weight_map\": {}}",
                "{\"weight_map\": [1]}",
                "{\"weight_map\": {\"a\": \"missing.safetensors\"}}",
                "{\"weight_map\": {\"b\": \"m-1-of-2.safetensors\"}}",
                "{\"weight_map\": {\"a\": \"m-1-of-2.safetensors\", \"a\": \"m-2-of-2.safetensors\"}}",
                "{\"weight_map\"",
                "[]",
                "",
            })
    void aBadIndexIsRefused(String text) throws IOException {
        index(text);
        assertThatThrownBy(() -> ShardedFiles.open(index).close())
                .isInstanceOf(BadWeightsException.class)
                .hasMessageMatching(".*(index\\.json|missing\\.safetensors).*");
    }

    private Path index(String text) throws IOException {
        return Files.writeString(folder.resolve("model/m.safetensors.index.json"), text);
    }
}
