package org.deltasampling.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
            Path own = Files.write(
                    folder.resolve("spiece.model"), T5Files.sentencePiece(Kit.json(kit.resolve("tokenizer.json"))));
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
        new CharsMap(T5Files.charsMap(table)).replace(unescaped(text), (part, at) -> written.append(part));
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
}
