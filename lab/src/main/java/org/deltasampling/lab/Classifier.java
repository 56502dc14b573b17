package org.deltasampling.lab;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.nn.Conv2d;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;

/** A small classifier of drawings: which style, shape, colour, background and place an image shows. */
@SuppressWarnings("EnumOrdinal") // the classes are in the order of the constants
final class Classifier {

    /** The attributes that are classified. */
    enum Attribute {
        STYLE(Style.values().length),
        SHAPE(Shape.values().length),
        COLOUR(Colour.values().length),
        GROUND(Ground.values().length),
        PLACE(Place.values().length);

        private final int classes;

        Attribute(int classes) {
            this.classes = classes;
        }

        /** The label of a drawing in a style. */
        int label(Drawing drawing, Style style) {
            return switch (this) {
                case STYLE -> style.ordinal();
                case SHAPE -> drawing.shape().ordinal();
                case COLOUR -> drawing.colour().ordinal();
                case GROUND -> drawing.ground().ordinal();
                case PLACE -> drawing.place().ordinal();
            };
        }
    }

    private static final int[] WIDTHS = {3, 24, 48, 96, 96};
    private static final int FEATURES = 128;

    private final Conv2d[] convolutions = new Conv2d[WIDTHS.length - 1];
    private final Linear features;
    private final List<Linear> heads;

    Classifier(Parameters p) {
        for (int i = 0; i < convolutions.length; i++) {
            convolutions[i] = Conv2d.of(p.at("convolutions." + i), WIDTHS[i], WIDTHS[i + 1], 3, 2, 1);
        }
        int side = Drawing.SIZE >> convolutions.length;
        features = Linear.of(p.at("features"), (long) WIDTHS[WIDTHS.length - 1] * side * side, FEATURES);
        heads = Stream.of(Attribute.values())
                .map(attribute -> Linear.of(
                        p.at("heads." + attribute.name().toLowerCase(Locale.ROOT)), FEATURES, attribute.classes))
                .toList();
    }

    /** The features of images (b, 3, 64, 64) in [-1, 1], from which all attributes are classified, (b, 128). */
    Tensor features(Tensor images) {
        Tensor y = images;
        for (Conv2d convolution : convolutions) {
            y = convolution.apply(y).relu();
        }
        return features.apply(y.contiguous().flatten(1, -1)).relu();
    }

    /** Log-probabilities of the classes, (b, classes). */
    Tensor logProbabilities(Attribute attribute, Tensor features) {
        return torch.log_softmax(heads.get(attribute.ordinal()).apply(features), -1);
    }

    /** The sum of the cross entropies of all attributes, given their labels, each (b), int64. */
    Tensor loss(Tensor images, Map<Attribute, Tensor> labels) {
        Tensor features = features(images);
        Tensor sum = torch.zeros(1);
        for (Map.Entry<Attribute, Tensor> entry : labels.entrySet()) {
            sum = sum.sub(torch.gather(
                            logProbabilities(entry.getKey(), features),
                            1,
                            entry.getValue().unsqueeze(1))
                    .mean());
        }
        return sum;
    }
}
