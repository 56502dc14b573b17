package org.deltasampling.lab;

import java.util.EnumMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.TensorScope;

/** Trains the {@link Judge} on drawings, half of them blurred and all of them noisy, since models do not draw sharply. */
final class JudgeTraining {

    private static final int BATCH = 32;

    private JudgeTraining() {}

    static void run(Trainable model, Pictures pictures, Loop loop) {
        Judge judge = new Judge(model);
        Map<Judge.Question, Held> answers = new EnumMap<>(Judge.Question.class);
        try (TensorScope scope = TensorScope.open()) {
            for (Judge.Question question : Judge.Question.values()) {
                long[] right = IntStream.range(0, pictures.count())
                        .mapToLong(i -> question.answer(pictures.drawing(i), pictures.style(i)))
                        .toArray();
                answers.put(question, Held.of(torch.tensor(right)));
            }
        }
        loop.run(model, step -> {
            Tensor places = torch.randint(pictures.count(), new long[] {BATCH}).to(torch.ScalarType.Long);
            Map<Judge.Question, Tensor> truth = new EnumMap<>(Judge.Question.class);
            answers.forEach((question, all) -> truth.put(question, all.tensor().index_select(0, places)));
            return judge.loss(spoilt(pictures.at(places)), truth);
        });
        answers.values().forEach(Held::close);
    }

    private static Tensor spoilt(Tensor picture) {
        Tensor blurred = torch.avg_pool2d(
                picture, new long[] {3, 3}, new long[] {1, 1}, new long[] {1, 1}, false, false, new LongOptional());
        Tensor sharp = torch.rand(picture.size(0), 1, 1, 1).lt(new Scalar(0.5));
        Tensor strength = torch.rand(picture.size(0), 1, 1, 1).mul(new Scalar(0.2));
        return torch.where(sharp, picture, blurred).add(strength.mul(torch.randn_like(picture)));
    }
}
