package org.deltasampling.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.StreamSupport;
import org.deltasampling.Kit;
import org.deltasampling.weights.BadWeightsException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ClipTokenizerTest {

    private static final ClipTokenizer SD1 = ClipTokenizer.openAi("<|endoftext|>");
    private static final ClipTokenizer SD2 = ClipTokenizer.openAi("!");

    /** A text with its ids, without start and end, in SD-1 and SD-2. */
    record Sample(String text, List<Long> sd1, List<Long> sd2) {

        @Override
        public String toString() {
            return text.isBlank()
                    ? "blank"
                    : text.codePoints()
                            .limit(12)
                            .mapToObj(Integer::toHexString)
                            .toList()
                            .toString();
        }
    }

    /** Answers of transformers 5.18's CLIPTokenizer for OpenAI's vocabulary, with the special tokens of SD-1 and SD-2. */
    static List<Sample> samples() throws IOException {
        try (InputStream in = ClipTokenizerTest.class.getResourceAsStream("clip-ids.json")) {
            List<Sample> samples = new ArrayList<>();
            new ObjectMapper()
                    .readTree(in)
                    .forEach(s -> samples.add(
                            new Sample(s.path("text").asText(), longs(s.path("sd1")), longs(s.path("sd2")))));
            return samples;
        }
    }

    private static List<Long> longs(JsonNode numbers) {
        return StreamSupport.stream(numbers.spliterator(), false)
                .map(JsonNode::asLong)
                .toList();
    }

    private static List<Long> padded(List<Long> ids, long pad) {
        LongStream prompt = ids.stream().limit(75).mapToLong(id -> id);
        return LongStream.concat(
                        LongStream.concat(LongStream.of(49406), prompt),
                        LongStream.concat(LongStream.of(49407), LongStream.generate(() -> pad)))
                .limit(77)
                .boxed()
                .toList();
    }

    private static List<Long> ids(ClipTokenizer tokenizer, String text) {
        return LongStream.of(tokenizer.encode(text).ids()).boxed().toList();
    }

    @ParameterizedTest
    @MethodSource("samples")
    void givesTheIdsOfTransformers(Sample sample) {
        assertThat(ids(SD1, sample.text)).isEqualTo(padded(sample.sd1, 49407));
        assertThat(ids(SD2, sample.text)).isEqualTo(padded(sample.sd2, 0));
    }

    @Test
    void givesTheIdsOfTheKit() {
        for (JsonNode text : Kit.at("clip-tokenizer").json().path("cases")) {
            assertThat(ids(SD1, text.path("text").asText())).isEqualTo(longs(text.path("padded")));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"pipe-sd1", "pipe-sd2"})
    void readsTheFoldersOfTheKit(String name) {
        ClipTokenizer tokenizer = ClipTokenizer.of(Kit.at(name).folder().resolve("model/tokenizer"));
        assertThat(tokenizer.vocabularySize()).isEqualTo(1000);
        long pad = name.equals("pipe-sd2") ? 0 : 999;
        assertThat(ids(tokenizer, "")).startsWith(998L, 999L, pad).endsWith(pad);
    }

    @Test
    void showsWhatDidNotFit() {
        assertThat(SD1.encode("word ".repeat(75)).cut()).isEmpty();
        assertThat(SD1.encode("word ".repeat(75) + "and THE  Last, Café!").cut())
                .isEqualTo("and THE  Last, Café!");
    }

    @Test
    void takesVeryLongPrompts() {
        assertThat(SD1.encode("ab\u0301\u4e2d!".repeat(50_000)).ids()).hasSize(77);
        assertThat(SD1.encode("!".repeat(200_000)).ids()).hasSize(77);
        assertThat(SD1.encode("x".repeat(20_000)).ids()).hasSize(77);
    }

    @Test
    void readsVocabularyAndMerges(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("vocab.json"), """
                {"!": 0, "a": 1, "b": 2, "a</w>": 3, "b</w>": 4, "ab</w>": 5, "<|startoftext|>": 6, "<|endoftext|>": 7}""");
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\na b</w>\n");
        Files.writeString(folder.resolve("special_tokens_map.json"), """
                {"bos_token": {"content": "<|startoftext|>", "normalized": true}, "pad_token": "!"}""");
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"model_max_length": 8}""");
        ClipTokenizer tokenizer = ClipTokenizer.of(folder);
        assertThat(tokenizer.vocabularySize()).isEqualTo(8);
        assertThat(ids(tokenizer, "AB b!")).containsExactly(6L, 5L, 4L, 0L, 7L, 0L, 0L, 0L);
        assertThat(ids(tokenizer, "z<|STARTOFTEXT|>")).containsExactly(6L, 7L, 6L, 7L, 0L, 0L, 0L, 0L);
        assertThat(tokenizer.encode("a b a b a b Ba ab").cut()).isEqualTo("Ba ab");
    }

    @Test
    void readsTokenizerJson(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), """
                {"added_tokens": [{"id": 4, "content": "<|startoftext|>"}, {"id": 5, "content": "<|endoftext|>"},
                                  {"id": 6, "content": "<cat toy>"}],
                 "model": {"type": "BPE", "end_of_word_suffix": "</w>", "merges": [["a", "b</w>"]],
                           "vocab": {"a": 0, "b": 1, "b</w>": 2, "ab</w>": 3}}}""");
        assertThat(ids(ClipTokenizer.of(folder), "ab<cat toy>ab").subList(0, 6))
                .containsExactly(4L, 3L, 6L, 3L, 5L, 5L);
    }

    @Test
    void wordsOfTextualInversionsBecomeTheirIds() {
        ClipTokenizer tokenizer =
                SD1.with(Map.of("<My-Style>", List.of(49408, 49409, 49410))).with(Map.of("blorp", List.of(49411)));
        List<Long> cat = ids(SD1, "a cat").subList(1, 3);
        assertThat(ids(tokenizer, "a cat<my-style>").subList(1, 7))
                .containsExactly(cat.get(0), cat.get(1), 49408L, 49409L, 49410L, 49407L);
        assertThat(ids(tokenizer, "A cat, <MY-STYLE> BLORP")).containsSequence(49408L, 49409L, 49410L, 49411L);
        assertThat(ids(tokenizer, "a cat")).isEqualTo(ids(SD1, "a cat"));
        assertThat(tokenizer.encode("cat ".repeat(74) + "<my-style> cat").cut()).isEqualTo("<my-style> cat");
        assertThat(tokenizer.vocabularySize()).isEqualTo(49408);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"added_tokens_decoder\": {\"x\": {\"content\": \"<a>\"}}} | tokenizer_config.json cannot be used: <a> has the id x",
                "{\"added_tokens_decoder\": {\"-1\": {\"content\": \"<a>\"}}} | <a> has the id -1",
                "{\"added_tokens_decoder\": {\"9\": {}}} | tokenizer_config.json cannot be used: an added token has no content",
                "{\"model_max_length\": \"long\"} | model_max_length is not a number from 3 on",
                "{\"model_max_length\": 2} | model_max_length is not a number from 3 on",
                "{\"pad_token\": 7} | pad_token is not a token",
            })
    void saysWhichEntryIsWrong(String example, @TempDir Path folder) throws IOException {
        List<String> parts = List.of(example.split(" \\| ", -1));
        Files.writeString(folder.resolve("vocab.json"), "{\"a\": 0, \"<|startoftext|>\": 1, \"<|endoftext|>\": 2}");
        Files.writeString(folder.resolve("merges.txt"), "");
        Files.writeString(folder.resolve("tokenizer_config.json"), parts.get(0));
        assertThatThrownBy(() -> ClipTokenizer.of(folder))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining(parts.get(1));
        Files.delete(folder.resolve("tokenizer_config.json"));
        Files.writeString(folder.resolve("vocab.json"), "{\"a\": \"0\", \"<|startoftext|>\": 1}");
        assertThatThrownBy(() -> ClipTokenizer.of(folder))
                .hasMessageContaining("vocab.json cannot be used: a has the id");
    }

    @Test
    void saysWhatIsWrongWithAFolder(@TempDir Path folder) throws IOException {
        assertThatThrownBy(() -> ClipTokenizer.of(folder))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("no tokenizer in " + folder);
        Files.writeString(folder.resolve("tokenizer.json"), "<html>");
        assertThatThrownBy(() -> ClipTokenizer.of(folder))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("is not valid JSON");
        Files.writeString(folder.resolve("tokenizer.json"), "{\"model\": {\"type\": \"Unigram\"}}");
        assertThatThrownBy(() -> ClipTokenizer.of(folder))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("is not a CLIP tokenizer");
        Files.delete(folder.resolve("tokenizer.json"));
        Files.writeString(folder.resolve("vocab.json"), "{\"a\": 0, \"<|startoftext|>\": 1, \"<|endoftext|>\": 2}");
        Files.writeString(folder.resolve("merges.txt"), "a b</w>\n");
        assertThatThrownBy(() -> ClipTokenizer.of(folder))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("merge number 1, \"a b</w>\"");
        Files.writeString(folder.resolve("special_tokens_map.json"), "{\"pad_token\": \"!\"}");
        assertThatThrownBy(() -> ClipTokenizer.of(folder))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("no \"!\"");
    }
}
