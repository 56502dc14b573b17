package org.deltasampling.model.ipadapter;

import org.bytedeco.pytorch.Tensor;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.LayerNorm;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightSource;

/** From what an image encoder gives to the tokens of an image prompt. */
@FunctionalInterface
interface ImageProjection {

    /** Features of images, (images, width) or (images, n, width), to (images, tokens, width of the tokens). */
    Tensor tokens(Tensor features);

    /** A few tokens from an image embedding. */
    record Plain(Linear projection, LayerNorm norm) implements ImageProjection {

        static Plain of(WeightSource weights, Parameters p) {
            long[] shape = Shapes.of(weights, "proj.weight", 2);
            long width = Shapes.of(weights, "norm.weight", 1)[0];
            if (shape[0] % width != 0) {
                throw new BadWeightsException("%d outputs of the image projection are no whole number of tokens %d wide"
                        .formatted(shape[0], width));
            }
            return new Plain(
                    Linear.of(p.at("proj"), shape[1], shape[0]), LayerNorm.of(p.at("norm"), width, Resampler.EPS));
        }

        @Override
        public Tensor tokens(Tensor features) {
            return norm.apply(projection.apply(features).view(features.size(0), -1, norm.width()));
        }
    }

    /** A token from each of the encoder's. */
    record FullFace(Linear in, Linear out, LayerNorm norm) implements ImageProjection {

        static FullFace of(WeightSource weights, Parameters p) {
            long[] in = Shapes.of(weights, "proj.0.weight", 2);
            long width = Shapes.of(weights, "proj.3.weight", 1)[0];
            return new FullFace(
                    Linear.of(p.at("proj.0"), in[1], in[0]),
                    Linear.of(p.at("proj.2"), in[0], width),
                    LayerNorm.of(p.at("proj.3"), width, Resampler.EPS));
        }

        @Override
        public Tensor tokens(Tensor features) {
            return norm.apply(out.apply(Activation.GELU.apply(in.apply(features))));
        }
    }
}
