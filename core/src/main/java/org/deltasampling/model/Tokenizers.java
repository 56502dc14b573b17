package org.deltasampling.model;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.deltasampling.file.Quoted;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.t5.T5Encoder;
import org.deltasampling.text.ClipTokenizer;
import org.deltasampling.text.T5Tokenizer;
import org.deltasampling.weights.BadWeightsException;

/**
 * The tokenizers of a model, each checked against the text encoder that reads its ids.
 *
 * @param clip of the text encoders of the CLIP kind, in their order
 * @param t5 of SD-3's third text encoder, where the model has it
 */
public record Tokenizers(List<ClipTokenizer> clip, Optional<T5Tokenizer> t5) {

    /**
     * Those of {@code checkpoint}: its own, or where it brings none, CLIP's usual ones.
     *
     * @throws BadWeightsException naming the tokenizer, if it is missing, damaged or of another text encoder
     */
    public static Tokenizers of(Checkpoint checkpoint) {
        return new Tokenizers(
                IntStream.range(0, checkpoint.texts().size())
                        .mapToObj(index -> clip(checkpoint, index))
                        .toList(),
                checkpoint.t5().map(part -> t5(checkpoint, part.config())));
    }

    private static ClipTokenizer clip(Checkpoint checkpoint, int index) {
        ClipText.Config.Text text = checkpoint.texts().get(index).config().text();
        Optional<Path> folder = checkpoint.tokenizer(index);
        ClipTokenizer tokenizer = folder.map(ClipTokenizer::of)
                .orElseGet(() -> ClipTokenizer.openAi(checkpoint.architecture().pad(index)));
        if (tokenizer.vocabularySize() > text.vocabulary()) {
            throw new BadWeightsException(folder.map(
                            path -> tooMany(path, tokenizer.lastToken(), tokenizer.vocabularySize(), text.vocabulary()))
                    .orElseGet(() ->
                            "%s has no folder %s, and its text encoder has %d rows where CLIP's usual tokenizer has %d tokens: add the tokenizer of the same model"
                                    .formatted(
                                            checkpoint.path(),
                                            PartNames.tokenizer(index),
                                            text.vocabulary(),
                                            tokenizer.vocabularySize())));
        }
        if (tokenizer.length() > text.length()) {
            throw new BadWeightsException(
                    "the tokenizer %s makes %d ids of a prompt (model_max_length), and its text encoder reads at most %d: take both from the same model"
                            .formatted(folder.orElse(checkpoint.path()), tokenizer.length(), text.length()));
        }
        return tokenizer;
    }

    private static T5Tokenizer t5(Checkpoint checkpoint, T5Encoder.Config text) {
        T5Tokenizer tokenizer = T5Tokenizer.of(checkpoint.t5Tokenizer());
        if (tokenizer.vocabularySize() > text.vocabulary()) {
            throw new BadWeightsException(tooMany(
                    checkpoint.t5Tokenizer(), tokenizer.lastToken(), tokenizer.vocabularySize(), text.vocabulary()));
        }
        return tokenizer;
    }

    private static String tooMany(Path tokenizer, String lastToken, long tokens, long rows) {
        return "the tokenizer %s has the token \"%s\" as %d, and its text encoder has %d rows: take both from the same model"
                .formatted(tokenizer, Quoted.of(lastToken), tokens - 1, rows);
    }
}
