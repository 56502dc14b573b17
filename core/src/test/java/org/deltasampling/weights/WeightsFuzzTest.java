package org.deltasampling.weights;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.Mutations;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.adapter.AdapterFile;
import org.deltasampling.adapter.SampleAdapters;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Whatever is done to a file of weights, it is read or refused in one sentence of ordinary length. */
@ExtendWith(NoLeaks.class)
class WeightsFuzzTest {

    private static final int LONGEST_SENTENCE = 2000;

    private static final List<String> TOKENS = List.of(
            "0",
            "-1",
            "1",
            "2",
            "8",
            "1.5",
            "1e999",
            "NaN",
            "null",
            "true",
            "\"",
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\\",
            "\\u0000",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
            "4294967296",
            "\"F32\"",
            "\"F16\"",
            "\"BOOL\"",
            "\"F8_E5M2\"",
            "\"F64\"",
            "\"I64\"",
            "\"shape\"",
            "\"dtype\"",
            "\"data_offsets\"",
            ".weight",
            ".alpha",
            "__metadata__",
            "x".repeat(20_000),
            "../",
            "\0",
            "/",
            ".scale_weight",
            "lora_te3_",
            "base_model.model.",
            ".lora_B.x.weight");

    @TempDir
    Path folder;

    /** What reads a file whole. */
    private interface Reader {
        void read() throws IOException;
    }

    @Test
    void headersOfSafetensors() throws IOException {
        Path path = folder.resolve("m.safetensors");
        try (TensorScope scope = TensorScope.open()) {
            SafetensorsWriter.write(
                    path,
                    WeightSources.of(Map.of(
                            "a.weight", torch.randn(3, 2).to(torch.ScalarType.Float8_e4m3fn),
                            "a.scale_weight", torch.ones(1),
                            "b.bias", torch.randn(5).to(torch.ScalarType.Half),
                            "ids", torch.ones(3).to(torch.ScalarType.Long))),
                    Map.of("note", "a note"));
        }
        Parts parts = Parts.of(path);
        Mutations mutations = new Mutations(1, TOKENS);
        for (int i = 0; i < 2000; i++) {
            parts.write(path, mutations.of(parts.header));
            requireReadOrRefused(i, () -> readAll(path));
        }
    }

    @Test
    void bytesOfSafetensors() throws IOException {
        Path path = folder.resolve("m.safetensors");
        try (TensorScope scope = TensorScope.open()) {
            SafetensorsWriter.write(path, Map.of("a", torch.randn(3, 2), "b", torch.randn(2)));
        }
        byte[] whole = Files.readAllBytes(path);
        Random random = new Random(2);
        for (int i = 0; i < 500; i++) {
            byte[] changed = Arrays.copyOf(whole, random.nextInt(3) == 0 ? random.nextInt(whole.length) : whole.length);
            for (int k = random.nextInt(4); k >= 0 && changed.length > 0; k--) {
                changed[random.nextInt(random.nextBoolean() ? Math.min(9, changed.length) : changed.length)] =
                        (byte) random.nextInt(256);
            }
            Files.write(path, changed);
            requireReadOrRefused(i, () -> readAll(path));
        }
    }

    @Test
    void indexesOfShards() throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            SafetensorsWriter.write(folder.resolve("1.safetensors"), Map.of("a.weight", torch.ones(3)));
            SafetensorsWriter.write(folder.resolve("2.safetensors"), Map.of("b.weight", torch.ones(5)));
        }
        String text = "{\"metadata\": {\"total_size\": 32},"
                + " \"weight_map\": {\"a.weight\": \"1.safetensors\", \"b.weight\": \"2.safetensors\"}}";
        Path index = folder.resolve("m.safetensors.index.json");
        Mutations mutations = new Mutations(3, TOKENS);
        for (int i = 0; i < 400; i++) {
            Files.writeString(index, mutations.of(text));
            requireReadOrRefused(i, () -> {
                try (ShardedFiles shards = ShardedFiles.open(index)) {
                    loadAll(shards);
                }
            });
        }
    }

    @Test
    void adaptersAndTheirSettings() throws IOException {
        Path path = folder.resolve("adapter.safetensors");
        Path settings = folder.resolve("adapter_config.json");
        String config = "{\"lora_alpha\": 4, \"unet.use_rslora\": true, \"alpha_pattern\": {\"attn1.to_q\": 2.5}}";
        Mutations mutations = new Mutations(4, TOKENS);
        try (Checkpoint model = Checkpoint.open(TinyModels.sd1(folder.resolve("model"), 1))) {
            try (TensorScope scope = TensorScope.open()) {
                SafetensorsWriter.write(path, adapter(model));
            }
            Parts parts = Parts.of(path);
            for (int i = 0; i < 1000; i++) {
                parts.write(path, i % 3 == 0 ? parts.header : mutations.of(parts.header));
                Files.writeString(settings, i % 3 == 0 ? mutations.of(config) : config);
                requireReadOrRefused(i, () -> applyAll(path, model));
            }
        }
    }

    @Test
    void adaptersOfEveryKind() throws IOException {
        Path path = folder.resolve("adapter.safetensors");
        Mutations mutations = new Mutations(5, TOKENS);
        String layer = "time_embedding.linear_1";
        try (Checkpoint model = Checkpoint.open(TinyModels.sd1(folder.resolve("model"), 1))) {
            List<Parts> files = new ArrayList<>();
            try (TensorScope scope = TensorScope.open()) {
                long[] shape = model.network().weights().info(layer + ".weight").shape();
                List<SampleAdapters.Sample> samples = new ArrayList<>(SampleAdapters.ofRows(shape[0], shape[1]));
                samples.addAll(SampleAdapters.ofLayers(shape[0], shape[1]));
                for (SampleAdapters.Sample sample : samples) {
                    SafetensorsWriter.write(
                            path,
                            WeightSources.of(sample.named("unet." + layer)),
                            Map.of("ss_tag_frequency", "{\"10_me\": {\"sks\": 3}}", "ss_v2", "True"));
                    files.add(Parts.of(path));
                }
            }
            for (int i = 0; i < 25 * files.size(); i++) {
                Parts parts = files.get(i % files.size());
                parts.write(path, i < files.size() ? parts.header : mutations.of(parts.header));
                requireReadOrRefused(i, () -> applyAll(path, model));
            }
        }
    }

    /** All that is done with an adapter, each weight changed once. */
    private static void applyAll(Path path, Checkpoint model) {
        try (AdapterFile adapter = AdapterFile.open(path)) {
            adapter.report();
            adapter.fit(model);
            adapter.on(model).changes().forEach((part, changes) -> {
                WeightSource base =
                        Objects.requireNonNull(model.parts().get(part)).weights();
                try (TensorScope scope = TensorScope.open()) {
                    changes.touched().forEach(changes.weights(base)::load);
                }
            });
        }
    }

    private static Map<String, Tensor> adapter(Checkpoint model) {
        WeightSource network = model.network().weights();
        String toQ = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        Tensor w = network.load(toQ + ".weight");
        tensors.put("unet." + toQ + ".lora_A.weight", torch.randn(2, w.size(1)));
        tensors.put("unet." + toQ + ".lora_B.weight", torch.randn(w.size(0), 2));
        Tensor conv = network.load("conv_in.weight");
        tensors.put("lora_unet_conv_in.lora_down.weight", torch.randn(1, conv.size(1), 3, 3));
        tensors.put("lora_unet_conv_in.lora_up.weight", torch.randn(conv.size(0), 1, 1, 1));
        tensors.put("lora_unet_conv_in.alpha", torch.scalar_tensor(new Scalar(1.0)));
        tensors.put("bundle_emb.word.clip_l", torch.randn(1, 4));
        return tensors;
    }

    private static void readAll(Path path) {
        try (WeightFile file = WeightFile.open(path)) {
            loadAll(file);
        }
    }

    private static void loadAll(WeightSource source) {
        try (ResidentWeights resident = new ResidentWeights(source, Precision.FLOAT32)) {
            source.names().forEach(resident::load);
        }
    }

    private static void requireReadOrRefused(int number, Reader reader) throws IOException {
        try {
            reader.read();
        } catch (DeltaSamplingException e) {
            assertThat(e.getMessage()).as("input %d", number).hasSizeLessThan(LONGEST_SENTENCE);
        } catch (RuntimeException e) {
            throw new AssertionError("input " + number, e);
        }
    }

    /** A safetensors file taken apart. */
    private record Parts(String header, byte[] data) {

        static Parts of(Path path) throws IOException {
            ByteBuffer whole = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
            byte[] header = new byte[(int) whole.getLong()];
            whole.get(header);
            byte[] data = new byte[whole.remaining()];
            whole.get(data);
            return new Parts(new String(header, StandardCharsets.UTF_8), data);
        }

        /** The file with another header, whose length is said right. */
        void write(Path path, String other) throws IOException {
            byte[] text = other.getBytes(StandardCharsets.UTF_8);
            ByteBuffer whole =
                    ByteBuffer.allocate(8 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
            Files.write(path, whole.putLong(text.length).put(text).put(data).array());
        }
    }
}
