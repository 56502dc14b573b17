package org.deltasampling.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.file.BadFileException;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsTest {

    @TempDir
    Path folder;

    @Test
    void everyTypeAndShapeComesBackBitForBit() {
        Path path = folder.resolve("types.safetensors");
        long before;
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            Tensor numbers = torch.randn(3, 5).mul(new Scalar(10));
            for (FileType type : FileType.values()) {
                tensors.put(type.name(), numbers.to(type.type()));
            }
            tensors.put("transposed", numbers.t());
            tensors.put("scalar", numbers.sum());
            tensors.put("empty", torch.empty(0, 4));
            SafetensorsWriter.write(path, WeightSources.of(tensors), Map.of("format", "pt", "note", "ä\"\n"));
            try (SafetensorsFile file = SafetensorsFile.open(path)) {
                assertThat(file.metadata()).containsEntry("note", "ä\"\n");
                assertThat(file.names()).containsExactlyInAnyOrderElementsOf(tensors.keySet());
                tensors.forEach((name, tensor) -> {
                    assertThat(file.info(name)).as(name).isEqualTo(TensorInfo.of(tensor));
                    assertThat(TensorInfo.of(file.load(name))).as(name).isEqualTo(TensorInfo.of(tensor));
                    assertThat(file.load(name).equal(tensor)).as(name).isTrue();
                    assertThat(file.copied(name).equal(tensor)).as(name).isTrue();
                });
            }
        }
        before = TensorScope.liveObjects();
        try (SafetensorsFile file = SafetensorsFile.open(path);
                TensorScope scope = TensorScope.open()) {
            file.names().forEach(file::load);
        }
        assertThat(TensorScope.liveObjects()).isEqualTo(before);
    }

    @Test
    void partsOfACopyShareIt() {
        Path path = folder.resolve("fused.safetensors");
        try (TensorScope scope = TensorScope.open()) {
            SafetensorsWriter.write(path, Map.of("a", torch.ones(1000), "b", torch.ones(1000)));
            try (SafetensorsFile file = SafetensorsFile.open(path)) {
                Tensor first = file.copied("a");
                file.copied("b");
                assertThat(file.copied("a").storage().data().address())
                        .isEqualTo(first.storage().data().address());
            }
        }
    }

    @Test
    void aLoadedTensorOutlivesItsFileAndIsNotCopied() {
        Path path = folder.resolve("one.safetensors");
        try (TensorScope scope = TensorScope.open()) {
            SafetensorsWriter.write(path, Map.of("a", torch.ones(1000)));
            Tensor first;
            try (SafetensorsFile file = SafetensorsFile.open(path)) {
                first = file.load("a");
                assertThat(file.load("a").storage().data().address())
                        .isEqualTo(first.storage().data().address());
            }
            assertThat(first.sum().item_double()).isEqualTo(1000);
        }
    }

    @Test
    void anUnalignedTensorIsStillRead() throws IOException {
        // one byte, then a float32 at an odd place
        String header = "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                + "\"f\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}";
        ByteBuffer data = ByteBuffer.allocate(5)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) 7)
                .putFloat(2.5f);
        Path path = write("unaligned.safetensors", header, data.array());
        try (SafetensorsFile file = SafetensorsFile.open(path);
                TensorScope scope = TensorScope.open()) {
            assertThat(file.load("f").item_double()).isEqualTo(2.5);
        }
    }

    @Test
    void aWrongNameIsAnsweredWithTheNearest() throws IOException {
        Path path = write(
                "n.safetensors",
                "{\"conv_in.weight\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
                new byte[1]);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThatThrownBy(() -> file.load("conv_in.weigth"))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("nearest is conv_in.weight");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}                  | 4 | cut short",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}                  | 8 | cannot fill its bytes",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,8]}}                 | 8 | cannot fill its bytes",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}} | 8 | cannot fill its bytes",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[0,4294967296,4294967296],\"data_offsets\":[0,0]}} | 8 | cannot fill its bytes",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775808],\"data_offsets\":[0,8]}}  | 8 | cannot fill its bytes",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[\"8\"],\"data_offsets\":[0,8]}}             | 8 | cannot fill its bytes",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[8.5],\"data_offsets\":[0,8]}}               | 8 | cannot fill its bytes",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[\"0\",8]}}             | 8 | cannot fill its bytes",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0.0,8]}}               | 8 | cannot fill its bytes",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[18446744073709551608,0]}} | 8 | cannot fill its bytes",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,8],\"data_offsets\":[0,8]}} | 8 | cannot fill its bytes",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}} {}               | 8 | not one JSON object",
                "{\"a\":5}                                                                       | 8 | does not say",
                "{\"a\":{\"dtype\":\"F6_E2M3\",\"shape\":[8],\"data_offsets\":[0,8]}}              | 8 | F6_E2M3",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}} | 8 | overlap",
                "{\"a\":{\"shape\":[2]}}                                                           | 8 | does not say",
                "{\"a\":                                                                           | 8 | not valid JSON",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{}}          | 8 | not valid JSON",
            })
    void aDamagedHeaderIsNamed(String header, int bytes, String words) throws IOException {
        Path path = write("bad.safetensors", header, new byte[bytes]);
        assertThatThrownBy(() -> SafetensorsFile.open(path))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("bad.safetensors")
                .hasMessageContaining(words);
    }

    @Test
    void aHeaderThatClaimsTheSizeOfAModelIsNotRead() throws IOException {
        ByteBuffer start = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        start.putLong(1L << 40).put((byte) '{');
        Path path = Files.write(folder.resolve("huge.safetensors"), start.array());
        assertThatThrownBy(() -> SafetensorsFile.open(path))
                .hasMessageContaining("header is said to be of 1099511627776");
    }

    @Test
    void aFileThatWasChangedIsNotReadAnyMore() throws IOException {
        Path path = folder.resolve("used.safetensors");
        try (TensorScope scope = TensorScope.open()) {
            SafetensorsWriter.write(path, Map.of("a", torch.ones(1000)));
            try (WeightFile file = WeightFile.open(path)) {
                file.load("a");
                file.requireUnchanged();
                Files.write(path, new byte[100]);
                assertThatThrownBy(() -> file.load("a"))
                        .isInstanceOf(BadFileException.class)
                        .hasMessageContaining("used.safetensors was changed");
                assertThatThrownBy(file::requireUnchanged).isInstanceOf(BadFileException.class);
            }
        }
    }

    @Test
    void ourOwnFilesAreKnown() throws IOException {
        Path ours = folder.resolve("ours.safetensors");
        try (TensorScope scope = TensorScope.open()) {
            SafetensorsWriter.write(ours, Map.of("a", torch.ones(3)));
        }
        Path other = write(
                "other.safetensors", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", new byte[1]);
        assertThat(SafetensorsWriter.wrote(ours)).isTrue();
        assertThat(SafetensorsWriter.wrote(other)).isFalse();
        assertThat(SafetensorsWriter.wrote(Files.writeString(folder.resolve("text"), "text")))
                .isFalse();
        assertThat(SafetensorsWriter.wrote(folder.resolve("none"))).isFalse();
    }

    @Test
    void aDeviceIsNotRead() {
        Path device = Path.of("/dev/zero");
        Assumptions.assumeTrue(Files.exists(device), "no such device here");
        assertThatThrownBy(() -> WeightFile.open(device))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("is a device");
    }

    @Test
    void otherFilesAreCalledWhatTheyAre() throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("is empty", new byte[0]);
        files.put("cut short", new byte[] {1, 2});
        files.put("zip archive", "PK\3\4 and so on and on".getBytes(StandardCharsets.ISO_8859_1));
        files.put("middle of its pickle", new byte[] {(byte) 0x80, 2, 'c', 'c', 'o', 'l', 'l', 'e', 'c', 't'});
        files.put("web page", "\n<!DOCTYPE html><html>".getBytes(StandardCharsets.UTF_8));
        files.put("git lfs pull", "version https://git-lfs.github.com/spec/v1\n".getBytes(StandardCharsets.UTF_8));
        files.put("GGUF", "GGUF\3\0\0\0\0\0\0\0\0".getBytes(StandardCharsets.UTF_8));
        files.put("JSON text", "{\"_class_name\": \"UNet\"}".getBytes(StandardCharsets.UTF_8));
        files.put("not a safetensors file", "just some notes".getBytes(StandardCharsets.UTF_8));
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            Path path = Files.write(folder.resolve("model.safetensors"), file.getValue());
            assertThatThrownBy(() -> WeightFile.open(path))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining(file.getKey());
        }
        assertThatThrownBy(() -> WeightFile.open(folder)).hasMessageContaining("is a folder");
        assertThatThrownBy(() -> WeightFile.open(folder.resolve("no"))).hasMessageContaining("does not exist");
    }

    @Test
    void aFailedWriteLeavesNothingBehind() throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            WeightSource failing = WeightSources.of(
                    Map.of("a", torch.ones(3), "b", torch.ones(3).to(torch.ScalarType.ComplexFloat)));
            assertThatThrownBy(() -> SafetensorsWriter.write(folder.resolve("x.safetensors"), failing, Map.of()))
                    .hasMessageContaining("ComplexFloat");
        }
        try (var left = Files.list(folder)) {
            assertThat(left).isEmpty();
        }
    }

    private Path write(String name, String header, byte[] data) throws IOException {
        byte[] text = header.strip().getBytes(StandardCharsets.UTF_8);
        ByteBuffer all = ByteBuffer.allocate(8 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        return Files.write(
                folder.resolve(name),
                all.putLong(text.length).put(text).put(data).array());
    }
}
