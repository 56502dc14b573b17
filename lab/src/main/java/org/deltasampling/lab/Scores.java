package org.deltasampling.lab;

import java.awt.image.BufferedImage;
import java.util.List;
import java.util.function.ToIntFunction;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.lab.Classifier.Attribute;
import org.deltasampling.tensor.TensorScope;

/**
 * How the {@link Classifier} classifies a set of images.
 *
 * @param style mean probability of the intended style
 * @param shape share of images with the right shape; likewise colour, background and place
 */
@SuppressWarnings("EnumOrdinal") // the classes are in the order of the constants
record Scores(double style, double shape, double colour, double ground, double place) {

    /** Classifies {@code images} against the drawings that they should show in {@code style}. */
    static Scores of(Classifier classifier, List<BufferedImage> images, List<Drawing> drawings, Style style) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor features = classifier.features(Images.tensor(images));
            double probability = classifier
                    .logProbabilities(Attribute.STYLE, features)
                    .select(1, style.ordinal())
                    .exp()
                    .mean()
                    .item_double();
            Accuracy accuracy = attribute -> share(
                    classifier.logProbabilities(attribute, features),
                    drawings,
                    drawing -> attribute.label(drawing, style));
            return new Scores(
                    probability,
                    accuracy.of(Attribute.SHAPE),
                    accuracy.of(Attribute.COLOUR),
                    accuracy.of(Attribute.GROUND),
                    accuracy.of(Attribute.PLACE));
        }
    }

    private interface Accuracy {
        double of(Attribute attribute);
    }

    private static double share(Tensor logProbabilities, List<Drawing> drawings, ToIntFunction<Drawing> label) {
        Tensor labels =
                torch.tensor(drawings.stream().mapToLong(label::applyAsInt).toArray());
        return logProbabilities
                .argmax(new LongOptional(1), false)
                .eq(labels)
                .to(torch.ScalarType.Float)
                .mean()
                .item_double();
    }
}
