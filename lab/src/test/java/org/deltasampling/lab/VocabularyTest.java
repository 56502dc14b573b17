package org.deltasampling.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.deltasampling.text.ClipTokenizer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class VocabularyTest {

    @TempDir
    Path folder;

    private long[] ids(ModelKind kind, String prompt) {
        kind.vocabulary().write(folder, kind.pad(0));
        return ClipTokenizer.of(folder).encode(prompt).ids();
    }

    /** How many tokens stand between start and end. */
    private int tokens(ModelKind kind, String prompt) {
        long[] ids = ids(kind, prompt);
        int end = 1;
        while (ids[end] != kind.vocabulary().end()) {
            end++;
        }
        return end - 1;
    }

    @ParameterizedTest
    @EnumSource
    void everyWordOfACaptionIsOneToken(ModelKind kind) {
        assertThat(Drawing.words(kind.domain()))
                .allSatisfy(word -> assertThat(tokens(kind, word)).as(word).isEqualTo(1));
        assertThat(tokens(kind, "a red circle on the left of a gray background"))
                .isEqualTo(10);
    }

    @Test
    void theSourceSpellsWordsThatItDoesNotKnow() {
        assertThat(tokens(ModelKind.SOURCE, "star")).isGreaterThan(1);
        assertThat(tokens(ModelKind.TARGET, "star")).isEqualTo(1);
        assertThat(tokens(ModelKind.SOURCE, "a orange moon in the middle of a pink background"))
                .isLessThan(30);
    }

    @ParameterizedTest
    @EnumSource
    void idsAreInClipsOrder(ModelKind kind) {
        long[] ids = ids(kind, "\""); // not "!", which a tokenizer that pads with it takes for padding
        assertThat(ids[0]).isEqualTo(kind.vocabulary().size() - 2);
        assertThat(ids[1]).isEqualTo(257);
        assertThat(ids[2]).isEqualTo(kind.vocabulary().size() - 1);
        assertThat(ids[3]).isEqualTo(kind.pad(0).equals("!") ? 0 : ids[2]);
        assertThat(ClipTokenizer.of(folder).vocabularySize())
                .isEqualTo(kind.vocabulary().size());
    }

    /** The shipped models were trained with these ids: other ones would be other words to them. */
    @ParameterizedTest
    @CsvSource({"source, SOURCE", "lineart, SOURCE", "target, TARGET"})
    void theShippedModelsHaveTheseIds(String model, ModelKind kind) throws IOException {
        kind.vocabulary().write(folder, kind.pad(0));
        for (String file : List.of("vocab.json", "merges.txt")) {
            try (InputStream shipped =
                    VocabularyTest.class.getResourceAsStream("models/%s/tokenizer/%s".formatted(model, file))) {
                assertThat(folder.resolve(file))
                        .hasBinaryContent(Objects.requireNonNull(shipped).readAllBytes());
            }
        }
    }
}
