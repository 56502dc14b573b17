package org.deltasampling.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.file.BadFileException;
import org.deltasampling.model.clip.ClipVision;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Resampling;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.JsonFile;

/**
 * From images of any size to the pixels that an image encoder reads, as transformers' {@code CLIPImageProcessor} and {@code
 * SiglipImageProcessor}.
 *
 * @param side height and width of the result
 * @param crops whether the shorter side is brought to {@code side} and the middle taken; otherwise both sides are
 * @param normalization of the three channels
 */
record ImageProcessor(int side, boolean crops, Normalization normalization) {

    private static final long MOST_ELONGATED = 100;

    private static final Normalization CLIP = new Normalization(
            new double[] {0.48145466, 0.4578275, 0.40821073}, new double[] {0.26862954, 0.26130258, 0.27577711});

    private static final Normalization SIGLIP =
            new Normalization(new double[] {0.5, 0.5, 0.5}, new double[] {0.5, 0.5, 0.5});

    /**
     * Of channels from 0 to 1.
     *
     * @param mean that is subtracted
     * @param deviation that is divided by
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared or changed
    record Normalization(double[] mean, double[] deviation) {

        Tensor apply(Tensor channels) {
            return channels.sub(perChannel(mean)).div(perChannel(deviation));
        }

        private static Tensor perChannel(double[] values) {
            return Tensor.create(values, 1, 3, 1, 1).to(torch.ScalarType.Float);
        }
    }

    /** That of the published encoders of this kind. */
    static ImageProcessor of(ClipVision.Config c) {
        return new ImageProcessor(Math.toIntExact(c.imageSize()), !c.siglip(), c.siglip() ? SIGLIP : CLIP);
    }

    /**
     * The same with the normalization of a preprocessor_config.json.
     *
     * @throws BadWeightsException if that processes images in another way, saying which key
     */
    ImageProcessor with(Path file) {
        try {
            return with(new Settings("image processor", JsonFile.read(file)));
        } catch (BadWeightsException e) {
            throw new BadWeightsException("%s: %s".formatted(file, e.getMessage()), e);
        }
    }

    private ImageProcessor with(Settings s) {
        s.require("resample", "3");
        for (String step : new String[] {"do_resize", "do_rescale", "do_normalize"}) {
            s.require(step, "true");
        }
        s.require("do_center_crop", Boolean.toString(crops));
        requireSide(s, "size");
        if (crops) {
            requireSide(s, "crop_size");
        }
        return new ImageProcessor(
                side,
                crops,
                new Normalization(
                        three(s, "image_mean", normalization.mean), three(s, "image_std", normalization.deviation)));
    }

    private void requireSide(Settings s, String key) {
        JsonNode size = s.json().path(key);
        if (size.isObject()) {
            for (JsonNode length : size) {
                requireSide(s, key, length);
            }
        } else if (!size.isMissingNode() && !size.isNull()) {
            requireSide(s, key, size);
        }
    }

    private void requireSide(Settings s, String key, JsonNode length) {
        if (length.asInt() != side) {
            throw s.refused(key, "is not the size of the images that the encoder reads, %d".formatted(side));
        }
    }

    private static double[] three(Settings s, String key, double[] otherwise) {
        JsonNode values = s.json().path(key);
        if (values.isMissingNode() || values.isNull()) {
            return otherwise;
        }
        double[] three = new double[3];
        for (int i = 0; i < 3; i++) {
            if (values.size() != 3 || !values.path(i).isNumber()) {
                throw s.refused(key, "is not a list of three numbers");
            }
            three[i] = values.path(i).doubleValue();
        }
        return three;
    }

    /**
     * {@code image} (b, 3, h, w) to (b, 3, side, side).
     *
     * @throws BadFileException if it is so narrow that almost nothing of it would be seen, and bringing its short side to {@code side}
     *     would take memory without bound
     */
    Tensor pixels(ImageTensor image) {
        return TensorScope.scopedTensor(() -> {
            PixelSize size = resized(image.size());
            Tensor levels =
                    Resampling.resized(image, size, Resampling.Filter.BICUBIC).tensor();
            Tensor middle =
                    levels.narrow(2, (size.height() - side) / 2, side).narrow(3, (size.width() - side) / 2, side);
            return normalization.apply(middle.add(new Scalar(1)).div(new Scalar(2)));
        });
    }

    private PixelSize resized(PixelSize from) {
        if (!crops) {
            return new PixelSize(side, side);
        }
        int shorter = Math.min(from.width(), from.height());
        if (Math.max(from.width(), from.height()) > MOST_ELONGATED * shorter) {
            throw new BadFileException(
                    "an image of %s is too narrow for an image encoder, which reads its middle square: crop it"
                            .formatted(from));
        }
        return new PixelSize(
                (int) (side * (long) from.width() / shorter), (int) (side * (long) from.height() / shorter));
    }
}
