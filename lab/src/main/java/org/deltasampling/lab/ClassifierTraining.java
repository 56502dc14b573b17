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

/** Trains the {@link Classifier} on drawings, half of them blurred and all of them noisy, as generated images are. */
final class ClassifierTraining {

    private static final int BATCH = 32;

    private ClassifierTraining() {}

    static void run(TrainableParameters model, Images images, TrainingLoop loop) {
        Classifier classifier = new Classifier(model);
        Map<Classifier.Attribute, Held> labels = new EnumMap<>(Classifier.Attribute.class);
        try (TensorScope scope = TensorScope.open()) {
            for (Classifier.Attribute attribute : Classifier.Attribute.values()) {
                long[] values = IntStream.range(0, images.count())
                        .mapToLong(i -> attribute.label(images.drawing(i), images.style(i)))
                        .toArray();
                labels.put(attribute, Held.of(torch.tensor(values)));
            }
        }
        loop.run(model, step -> {
            Tensor places = torch.randint(images.count(), new long[] {BATCH}).to(torch.ScalarType.Long);
            Map<Classifier.Attribute, Tensor> batch = new EnumMap<>(Classifier.Attribute.class);
            labels.forEach((attribute, all) -> batch.put(attribute, all.tensor().index_select(0, places)));
            return classifier.loss(augmented(images.at(places)), batch);
        });
        labels.values().forEach(Held::close);
    }

    private static Tensor augmented(Tensor image) {
        Tensor blurred = torch.avg_pool2d(
                image, new long[] {3, 3}, new long[] {1, 1}, new long[] {1, 1}, false, false, new LongOptional());
        Tensor sharp = torch.rand(image.size(0), 1, 1, 1).lt(new Scalar(0.5));
        Tensor strength = torch.rand(image.size(0), 1, 1, 1).mul(new Scalar(0.2));
        return torch.where(sharp, image, blurred).add(strength.mul(torch.randn_like(image)));
    }
}
