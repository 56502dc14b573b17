package org.deltasampling.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.Kit;
import org.deltasampling.Mutations;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.t5.T5Encoder;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.text.ClipTokenizer;
import org.deltasampling.text.T5Files;
import org.deltasampling.text.T5Tokenizer;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Damaged files of models other than weights: each is read and used, or refused in one short sentence about it. */
@ExtendWith(NoLeaks.class)
class ModelFilesFuzzTest {

    private static final int COUNT = 160;

    /** More weights than any of the networks here has. */
    private static final int MOST = 5000;

    private static final String PROMPT = "a photo of a cat, <b> <|endoftext|> \u00fcber \ufb01\u65e5\u672c\t!";

    private static final List<String> TOKENS = List.of(
            "null",
            "true",
            "0",
            "-1",
            "2",
            "1e300",
            "1e-300",
            "NaN",
            "-Infinity",
            "2147483647",
            "2147483648",
            "99999999999999999999",
            "0.5",
            "[]",
            "{}",
            "[1, 2]",
            "\"\"",
            "\"text\"",
            "\"\\u0000\"",
            "\\ud800",
            "\"",
            "'",
            ":",
            ",",
            "{",
            "}",
            "]",
            "//",
            "\n",
            "\0",
            "\u0085",
            "\ufeff",
            "</w>",
            "a b",
            " ",
            "[".repeat(5_000),
            "x".repeat(20_000),
            "\"in_channels\": 9, ",
            "\"layers_per_block\": 2147483647, ",
            "\"num_hidden_layers\": 16000000, ",
            "\"model_max_length\": 154, ",
            "\"added_tokens_decoder\": {\"-7\": {\"content\": \"<b>\"}}, ",
            "\"unk_id\": -1, ");

    private static final String T5_CONFIG = """
            {"model_type": "t5", "feed_forward_proj": "gated-gelu", "vocab_size": 106, "d_model": 8, "d_kv": 4,
             "num_heads": 2, "d_ff": 16, "num_layers": 1, "relative_attention_num_buckets": 8,
             "relative_attention_max_distance": 16, "layer_norm_epsilon": 1e-6}
            """;

    private static final String CLIP_TOKENIZER = """
            {"added_tokens": [{"id": 5, "content": "<|startoftext|>"}, {"id": 6, "content": "<|endoftext|>"},
                              {"id": 7, "content": "<b>", "normalized": true}],
             "model": {"type": "BPE", "end_of_word_suffix": "</w>", "merges": [["a", "b</w>"], "c a"],
                       "vocab": {"a": 0, "b": 1, "b</w>": 2, "ab</w>": 3, "c": 4, "ca": 8}}}
            """;

    @TempDir
    Path folder;

    private Random random = new Random(11);

    /** Reads a file, and uses what it says. */
    @FunctionalInterface
    private interface Reader {
        void read(Path file) throws IOException;
    }

    private void readsOrRefuses(Path file, int count, Function<byte[], byte[]> damage, Reader reader)
            throws IOException {
        byte[] whole = Files.readAllBytes(file);
        reader.read(file);
        int read = 0;
        for (int i = 0; i < count; i++) {
            Files.write(file, damage.apply(whole));
            try {
                reader.read(file);
                read++;
            } catch (DeltaSamplingException e) {
                assertThat(e.getMessage())
                        .isNotBlank()
                        .contains(folder.toString())
                        .hasSizeLessThan(1000)
                        .doesNotContain("\n", "Exception");
            }
        }
        Files.write(file, whole);
        assertThat(read).as("%s: read of %d", file, count).isBetween(1, count - 1);
    }

    private static Function<byte[], byte[]> text(long seed) {
        Mutations mutations = new Mutations(seed, TOKENS);
        return whole -> mutations.of(new String(whole, StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8);
    }

    private byte[] bytes(byte[] whole) {
        byte[] changed = whole.clone();
        for (int changes = random.nextInt(4); changes >= 0; changes--) {
            changed[random.nextInt(random.nextBoolean() ? changed.length : 60)] = (byte) random.nextInt(256);
        }
        return random.nextInt(10) == 0 ? Arrays.copyOf(changed, random.nextInt(changed.length)) : changed;
    }

    private <C> void config(Path file, Function<JsonNode, C> read, BiConsumer<C, Parameters> network)
            throws IOException {
        readsOrRefuses(file, COUNT, text(file.toString().length()), config -> {
            C parsed = new PartFolder(config.resolveSibling("")).config(read);
            try {
                Parameters.declaredBy(p -> network.accept(parsed, p), MOST);
            } catch (DeltaSamplingException e) { // said of the file by those who read both
                assertThat(e.getMessage()).hasSizeLessThan(300);
            }
        });
    }

    @Test
    void configsOfNetworks() throws IOException {
        Path xl = TinyModels.of(Architecture.SDXL, folder.resolve("xl"), 1);
        Path sd3 = TinyModels.of(Architecture.SD35_MEDIUM, folder.resolve("sd3"), 1);
        config(xl.resolve("unet/config.json"), UNet.Config::read, UNet::new);
        config(xl.resolve("vae/config.json"), AutoencoderKl.Config::read, AutoencoderKl::new);
        config(xl.resolve("text_encoder_2/config.json"), ClipText.Config::read, ClipText::new);
        config(sd3.resolve("transformer/config.json"), MMDiT.Config::read, MMDiT::new);
        Path t5 = Files.createDirectories(folder.resolve("t5")).resolve("config.json");
        config(Files.writeString(t5, T5_CONFIG), T5Encoder.Config::read, T5Encoder::new);
    }

    @ParameterizedTest
    @CsvSource({"SD1", "SDXL", "SD3"})
    void configsOfSchedulers(Architecture family) throws IOException {
        Path file = TinyModels.of(family, folder.resolve("model"), 1).resolve("scheduler/scheduler_config.json");
        readsOrRefuses(file, COUNT, text(2), config -> SchedulerFile.read(config, family, ModelOverrides.NONE));
    }

    @Test
    void indicesOfModels() throws IOException {
        Path file = TinyModels.of(Architecture.SDXL, folder.resolve("xl"), 1).resolve("model_index.json");
        readsOrRefuses(file, COUNT, text(3), index -> {
            DiffusersFolder opened = DiffusersFolder.open(index.resolveSibling(""));
            assertThat(opened.has(PartNames.UNET) || !opened.has(PartNames.T5)).isTrue();
            opened.flag("force_zeros_for_empty_prompt", true);
        });
    }

    @ParameterizedTest
    @CsvSource({"vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"})
    void filesOfClipTokenizers(String name) throws IOException {
        Path tokenizer = TinyModels.sd1(folder.resolve("model"), 1).resolve("tokenizer");
        Files.writeString(tokenizer.resolve("merges.txt"), "#version: 0.2\nc a\nca t</w>\n");
        String vocabulary = Files.readString(tokenizer.resolve("vocab.json"));
        Files.writeString(
                tokenizer.resolve("vocab.json"),
                vocabulary.substring(0, vocabulary.length() - 1) + ", \"ca\": 514, \"cat</w>\": 515}");
        Files.writeString(tokenizer.resolve("added_tokens.json"), "{\"<a>\": 516, \"<b>\": 517}");
        Files.writeString(
                tokenizer.resolve("special_tokens_map.json"),
                "{\"bos_token\": {\"content\": \"<|startoftext|>\", \"normalized\": true}, \"pad_token\": \"!\"}");
        readsOrRefuses(
                tokenizer.resolve(name),
                COUNT,
                text(4),
                file -> ClipTokenizer.of(tokenizer).encode(PROMPT));
    }

    @Test
    void tokenizerJsonOfClip() throws IOException {
        Path file = Files.writeString(folder.resolve("tokenizer.json"), CLIP_TOKENIZER);
        readsOrRefuses(file, COUNT, text(5), json -> ClipTokenizer.of(folder).encode(PROMPT));
    }

    /** With a table of characters, in base 64. */
    private static String t5Tokenizer() {
        return """
                {"added_tokens": [{"id": 0, "content": "<pad>"}, {"id": 1, "content": "</s>"}, {"id": 5, "content": "<b>"}],
                 "normalizer": {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": "%s"}]},
                 "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always"},
                 "model": {"type": "Unigram", "unk_id": 2,
                           "vocab": [["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["\u2581a", -1.5], ["c", -2], ["<b>", -3]]}}
                """.formatted(Base64.getEncoder().encodeToString(T5Files.charsMap(Map.of("\ufb01", "fi"))));
    }

    @Test
    void filesOfT5Tokenizers() throws IOException {
        Path json = Files.writeString(folder.resolve("tokenizer.json"), t5Tokenizer());
        readsOrRefuses(json, COUNT, text(6), file -> T5Tokenizer.of(file).encode(PROMPT, 16));
        byte[] pieces = T5Files.sentencePiece(new ObjectMapper().readTree(t5Tokenizer()));
        Path model = Files.write(folder.resolve("spiece.model"), pieces);
        readsOrRefuses(
                model, 2 * COUNT, this::bytes, file -> T5Tokenizer.of(file).encode(PROMPT, 16));
        readsOrRefuses(json, COUNT, this::bytes, file -> T5Tokenizer.of(file).encode(PROMPT, 16));
    }

    /** Weights that are missing, numbered otherwise, or in each other's place. */
    @ParameterizedTest
    @CsvSource({"SD1", "SD3"})
    void namesAndShapesOfSingleFiles(Architecture family) {
        Path single = folder.resolve("single.safetensors");
        try (Checkpoint model = Checkpoint.open(TinyModels.of(family, folder.resolve("model"), 1))) {
            SafetensorsWriter.write(single, model.inOriginalLayout(), Map.of());
        }
        try (WeightFile file = WeightFile.open(single)) {
            for (int i = 0; i < COUNT / 4; i++) {
                WeightSource damaged = WeightSources.renamed(file, damagedNames(List.copyOf(file.names())));
                assertThat(FileKind.title(damaged.names())).isNotBlank();
                List<Supplier<ModelPart<?>>> parts = List.of(
                        () -> family == Architecture.SD3
                                ? ModelPart.of(damaged, OriginalLayout::mmdit, MMDiT.Config::infer, MMDiT::new)
                                : ModelPart.of(damaged, OriginalLayout::unet, UNet.Config::infer, UNet::new),
                        () -> AutoencoderReader.read(damaged, family),
                        () -> ModelPart.of(
                                damaged, family.texts().get(0)::table, ClipText.Config::infer, ClipText::new));
                for (Supplier<ModelPart<?>> part : parts) {
                    try {
                        part.get().check().message("the file");
                    } catch (DeltaSamplingException e) {
                        assertThat(e.getMessage()).hasSizeLessThan(1000).doesNotContain("\n", "Exception");
                    }
                }
            }
        }
    }

    private Map<String, String> damagedNames(List<String> names) {
        Map<String, String> damaged = new LinkedHashMap<>();
        names.forEach(name -> damaged.put(name, name));
        for (int changes = 1 + random.nextInt(8); changes > 0; changes--) {
            String one = names.get(random.nextInt(names.size()));
            String other = names.get(random.nextInt(names.size()));
            switch (random.nextInt(4)) {
                case 0 -> damaged.keySet().removeIf(name -> name.startsWith(one.substring(0, one.lastIndexOf('.'))));
                case 1 -> damaged.put(one, other);
                case 2 -> damaged.put(one.replaceFirst("\\d+", Integer.toString(random.nextInt(100_000))), other);
                default -> damaged.put(one.substring(0, random.nextInt(one.length())), other);
            }
        }
        return damaged;
    }

    /** All readers together, by any of a model's files. */
    @Test
    void wholeModels() throws IOException {
        Path model = TinyModels.sd1(folder.resolve("model"), 1);
        for (String name : List.of(
                "model_index.json",
                "unet/config.json",
                "vae/config.json",
                "text_encoder/config.json",
                "scheduler/scheduler_config.json",
                "tokenizer/tokenizer_config.json")) {
            readsOrRefuses(model.resolve(name), 30, text(name.length()), file -> {
                try (Checkpoint checkpoint = Checkpoint.open(model)) {
                    Tokenizers.of(checkpoint.requireWhole());
                }
            });
        }
        assertThat(Kit.json(model.resolve("model_index.json")).isObject()).isTrue();
    }
}
