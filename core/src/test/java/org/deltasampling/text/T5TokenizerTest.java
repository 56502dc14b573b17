package org.deltasampling.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.deltasampling.Kit;
import org.deltasampling.weights.BadWeightsException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class T5TokenizerTest {

    @TempDir
    Path folder;

    /** The ids are those of Hugging Face's tokenizers 0.23 for the kit's small tokenizer. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', ignoreLeadingAndTrailingWhitespace = false, textBlock = """
            a photo of a cat on a red chair|3 5 19 15 6 4 6 3 6 25 3 5 32 5 4 3 6 21 3 5 3 12 7 14 32 15 41 12 1
              two   spaces\\tand tab |3 4 24 6 3 10 39 5 42 7 10 27 14 3 4 5 43 1
            Üben ▁x a▁b|3 2 43 7 21 3 23 3 5 33 1
            日本 wow日本日|3 2 3 24 6 24 2 1
            </s> hi <pad>x|1 3 15 18 0 3 23 1
            a</s>b|3 5 1 33 1
            """)
    void idsAreThoseOfHuggingFace(String prompt, String ids) throws IOException {
        String text = prompt.replace("\\t", "\t");
        long[] expected = LongStream.concat(Stream.of(ids.split(" ", -1)).mapToLong(Long::parseLong), LongStream.of(0))
                .toArray();
        Path kit = Kit.folder("pipe-sd3").resolve("model/tokenizer_3");
        Encoded encoded = T5Tokenizer.of(kit).encode(text, expected.length);
        assertThat(encoded.ids()).containsExactly(expected);
        assertThat(encoded.cut()).isEmpty();
        if (!text.contains("\t")) { // SentencePiece's own file makes a blank of a tab by its table, which is empty here
            Path own = Files.write(folder.resolve("spiece.model"), sentencePiece(kit.resolve("tokenizer.json")));
            assertThat(T5Tokenizer.of(own).encode(text, expected.length).ids()).containsExactly(expected);
            assertThat(T5Tokenizer.of(folder).vocabularySize()).isEqualTo(149);
        }
    }

    @Test
    void whatDoesNotFitIsCut() {
        T5Tokenizer tokenizer = T5Tokenizer.of(Kit.folder("pipe-sd3").resolve("model/tokenizer_3"));
        Encoded encoded = tokenizer.encode("a photo of a cat", 8);
        assertThat(encoded.ids()).containsExactly(3, 5, 19, 15, 6, 4, 6, 1);
        assertThat(encoded.cut()).isEqualTo("of a cat");
        assertThat(tokenizer.encode("", 3).ids()).containsExactly(1, 0, 0);
    }

    /** The table's layout and the answers were checked against tokenizers' {@code Precompiled}. */
    @ParameterizedTest
    @CsvSource(ignoreLeadingAndTrailingWhitespace = false, textBlock = """
            Ａ\\tﬁsh ①x,A fish 1x
            a\\u00adb,ab
            e\\u0301Ａ,e\\u0301A
            1½,11 2
            """)
    void charactersAreReplacedByTheTable(String text, String replaced) {
        Map<String, String> table = new LinkedHashMap<>();
        table.put("Ａ", "A");
        table.put("ﬁ", "fi");
        table.put("\t", " ");
        table.put("①", "1");
        table.put("\u00ad", "");
        table.put("½", "1 2");
        StringBuilder written = new StringBuilder();
        new CharsMap(charsMap(table)).replace(unescaped(text), (part, at) -> written.append(part));
        assertThat(written).hasToString(unescaped(replaced));
    }

    @Test
    void whatIsMissingOrWrongIsSaid() throws IOException {
        assertThatThrownBy(() -> T5Tokenizer.of(folder))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("give the tokenizer.json or the spiece.model of google/t5-v1_1-xxl");
        Path clip = Kit.folder("pipe-sd3").resolve("model/tokenizer/tokenizer.json");
        assertThatThrownBy(() -> T5Tokenizer.of(clip))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("is not a T5 tokenizer");
        Path cut = Files.write(folder.resolve("cut.model"), new byte[] {10, 100, 1});
        assertThatThrownBy(() -> T5Tokenizer.of(cut))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("cut short");
        assertThatThrownBy(() -> new CharsMap(new byte[] {1, 2, 3, 4, 5})).hasMessageContaining("damaged");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"unk_id\": -1 | unk_id has the id -1",
                "\"unk_id\": 3 | unk_id is 3, and there are 3 tokens",
                "\"unk_id\": null | unk_id has the id null",
            })
    void theUnknownTokenMustBeOneOfItsOwn(String example) throws IOException {
        List<String> parts = List.of(example.split(" \\| ", -1));
        Path file = Files.writeString(folder.resolve("tokenizer.json"), """
                {"model": {"type": "Unigram", "vocab": [["<pad>", 0], ["</s>", 0], ["a", -1]], %s}}""".formatted(parts.get(0)));
        assertThatThrownBy(() -> T5Tokenizer.of(file))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("tokenizer.json cannot be used: " + parts.get(1));
    }

    private static String unescaped(String text) {
        return text.replace("\\t", "\t").replace("\\u00ad", "\u00ad").replace("\\u0301", "\u0301");
    }

    /** The pieces of a tokenizer.json as SentencePiece writes them. */
    private static byte[] sentencePiece(Path json) throws IOException {
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        for (JsonNode piece : new ObjectMapper().readTree(json.toFile()).at("/model/vocab")) {
            String text = piece.get(0).asText();
            int type = text.equals("<unk>") ? 2 : text.equals("<pad>") || text.equals("</s>") ? 3 : 1;
            ByteArrayOutputStream message = new ByteArrayOutputStream();
            field(message, 10, text.getBytes(StandardCharsets.UTF_8));
            message.write(21); // field 2, four bytes
            message.write(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putFloat((float) piece.get(1).asDouble())
                    .array());
            message.write(new byte[] {24, (byte) type});
            field(file, 10, message.toByteArray());
        }
        return file.toByteArray();
    }

    private static void field(ByteArrayOutputStream out, int key, byte[] bytes) throws IOException {
        out.write(new byte[] {(byte) key, (byte) bytes.length});
        out.write(bytes);
    }

    /** A double array in which every node of the trie has a block of 256 units for itself. */
    private static byte[] charsMap(Map<String, String> table) {
        ByteArrayOutputStream texts = new ByteArrayOutputStream();
        Map<List<Byte>, Integer> values = new LinkedHashMap<>();
        Map<List<Byte>, Integer> nodes = new LinkedHashMap<>();
        nodes.put(List.of(), 256);
        table.forEach((key, text) -> {
            List<Byte> bytes = bytes(key);
            values.put(bytes, texts.size());
            texts.writeBytes(text.getBytes(StandardCharsets.UTF_8));
            texts.write(0);
            for (int i = 1; i <= bytes.size(); i++) {
                nodes.putIfAbsent(bytes.subList(0, i), 256 * (nodes.size() + 1));
            }
        });
        TreeMap<Integer, Integer> units = new TreeMap<>();
        nodes.forEach((node, base) -> {
            int label = node.isEmpty() ? 0 : node.get(node.size() - 1) & 0xff;
            int at = node.isEmpty() ? 0 : nodes.getOrDefault(node.subList(0, node.size() - 1), 0) ^ label;
            Integer value = values.get(node);
            units.put(at, label | (at ^ base) << 10 | (value == null ? 0 : 1 << 8));
            if (value != null) {
                units.put(base, value | 1 << 31);
            }
        });
        int count = 256 * (nodes.size() + 1);
        ByteBuffer all = ByteBuffer.allocate(4 + 4 * count + texts.size()).order(ByteOrder.LITTLE_ENDIAN);
        all.putInt(4 * count);
        units.forEach((at, unit) -> all.putInt(4 + 4 * at, unit));
        all.position(4 + 4 * count).put(texts.toByteArray());
        return all.array();
    }

    private static List<Byte> bytes(String text) {
        Byte[] boxed = new Byte[text.getBytes(StandardCharsets.UTF_8).length];
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        Arrays.setAll(boxed, i -> bytes[i]);
        return List.of(boxed);
    }
}
