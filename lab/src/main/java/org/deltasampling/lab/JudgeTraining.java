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
import org.deltasampling.train.TrainableParameters;
import org.deltasampling.train.TrainingLoop;

/** Trains the {@link Judge} on drawings, half of them blurred and all of them noisy, since models do not draw sharply. */
final class JudgeTraining {

    private static final int BATCH = 32;

    private JudgeTraining() {}

    static void run(TrainableParameters model, Images images, TrainingLoop loop) {
        Judge judge = new Judge(model);
        Map<Judge.Question, Held> answers = new EnumMap<>(Judge.Question.class);
        try (TensorScope scope = TensorScope.open()) {
            for (Judge.Question question : Judge.Question.values()) {
                long[] right = IntStream.range(0, images.count())
                        .mapToLong(i -> question.answer(images.drawing(i), images.style(i)))
                        .toArray();
                answers.put(question, Held.of(torch.tensor(right)));
            }
        }
        loop.run(model, step -> {
            Tensor places = torch.randint(images.count(), new long[] {BATCH}).to(torch.ScalarType.Long);
            Map<Judge.Question, Tensor> truth = new EnumMap<>(Judge.Question.class);
            answers.forEach((question, all) -> truth.put(question, all.tensor().index_select(0, places)));
            return judge.loss(spoilt(images.at(places)), truth);
        });
        answers.values().forEach(Held::close);
    }

    private static Tensor spoilt(Tensor image) {
        Tensor blurred = torch.avg_pool2d(
                image, new long[] {3, 3}, new long[] {1, 1}, new long[] {1, 1}, false, false, new LongOptional());
        Tensor sharp = torch.rand(image.size(0), 1, 1, 1).lt(new Scalar(0.5));
        Tensor strength = torch.rand(image.size(0), 1, 1, 1).mul(new Scalar(0.2));
        return torch.where(sharp, image, blurred).add(strength.mul(torch.randn_like(image)));
    }
}
