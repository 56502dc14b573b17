package org.deltasampling.lab;

import java.util.List;
import java.util.function.ToIntFunction;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.lab.Judge.Question;
import org.deltasampling.tensor.TensorScope;

/**
 * What the {@link Judge} says of a set of images.
 *
 * @param style mean probability of the wanted style
 * @param shape share of images with the right shape; likewise colour, background and place
 */
@SuppressWarnings("EnumOrdinal") // the order of the answers is that of the words
record Scores(double style, double shape, double colour, double ground, double place) {

    /** Judges {@code images} (n, 3, 64, 64) against the n drawings that they should show in {@code style}. */
    static Scores of(Judge judge, Tensor images, List<Drawing> drawings, Style style) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor features = judge.features(images);
            double wanted = judge.answers(Question.STYLE, features)
                    .select(1, style.ordinal())
                    .exp()
                    .mean()
                    .item_double();
            ToDouble right = question ->
                    share(judge.answers(question, features), drawings, drawing -> question.answer(drawing, style));
            return new Scores(
                    wanted,
                    right.of(Question.SHAPE),
                    right.of(Question.COLOUR),
                    right.of(Question.GROUND),
                    right.of(Question.PLACE));
        }
    }

    private interface ToDouble {
        double of(Question question);
    }

    private static double share(Tensor answers, List<Drawing> drawings, ToIntFunction<Drawing> truth) {
        Tensor right =
                torch.tensor(drawings.stream().mapToLong(truth::applyAsInt).toArray());
        return answers.argmax(new LongOptional(1), false)
                .eq(right)
                .to(torch.ScalarType.Float)
                .mean()
                .item_double();
    }
}
