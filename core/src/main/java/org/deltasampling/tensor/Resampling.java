package org.deltasampling.tensor;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Resizing of images of 256 levels to the very levels that Pillow gives, on which the preprocessing of image encoders
 * rests: first along rows, then along columns, rounded to a level after each. Where a side shrinks, the kernel is as much wider, so
 * that every pixel counts.
 */
public final class Resampling {

    /** A kernel that Pillow knows. */
    public enum Filter {
        /** Keys' cubic with a = -1/2. */
        BICUBIC(2) {
            @Override
            double at(double x) {
                return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((-0.5 * x + 2.5) * x - 4) * x + 2;
            }
        },
        /** A sinc within a sinc of three times its width. */
        LANCZOS(3) {
            @Override
            double at(double x) {
                return sinc(x) * sinc(x / 3);
            }
        };

        private final double radius;

        /** @param radius in pixels of the smaller image */
        Filter(double radius) {
            this.radius = radius;
        }

        /** Within the radius; {@code x} is not negative. */
        abstract double at(double x);

        private static double sinc(double x) {
            return x == 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
        }
    }

    /** Of the kernel's weights in fixed point: the largest with which the sum over a row fits 32 bits. */
    private static final int FRACTION = 22;

    private Resampling() {}

    /** {@code images} at another size; values between two levels are rounded first. */
    public static ImageTensor resized(ImageTensor images, PixelSize size, Filter filter) {
        int height = images.size().height();
        int width = images.size().width();
        byte[] levels = levels(images);
        if (width != size.width()) {
            levels = resized(levels, width, 1, new Kernel(width, size.width(), filter));
        }
        if (height != size.height()) {
            levels = resized(levels, height, size.width(), new Kernel(height, size.height(), filter));
        }
        float[] values = new float[levels.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = (levels[i] & 0xff) / 127.5f - 1;
        }
        return new ImageTensor(Tensor.create(values, images.tensor().size(0), 3, size.height(), size.width()));
    }

    private static byte[] levels(ImageTensor images) {
        float[] values = new float[Math.toIntExact(images.tensor().numel())];
        try (TensorScope scope = TensorScope.open()) {
            images.tensor()
                    .to(torch.ScalarType.Float)
                    .contiguous()
                    .data_ptr_float()
                    .get(values);
        }
        byte[] levels = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            levels[i] = level(Math.round(values[i] * 127.5f + 127.5f));
        }
        return levels;
    }

    private static byte level(int value) {
        return (byte) Math.max(0, Math.min(255, value));
    }

    /**
     * Along one axis.
     *
     * @param length of the axis
     * @param stride between neighbours along it
     */
    private static byte[] resized(byte[] from, int length, int stride, Kernel kernel) {
        int target = kernel.first.length;
        int lines = from.length / (length * stride);
        byte[] to = new byte[lines * target * stride];
        for (int line = 0; line < lines; line++) {
            for (int at = 0; at < target; at++) {
                int[] weights = kernel.weights[at];
                int start = (line * length + kernel.first[at]) * stride;
                int end = (line * target + at) * stride;
                for (int offset = 0; offset < stride; offset++) {
                    int sum = 1 << (FRACTION - 1);
                    for (int i = 0; i < weights.length; i++) {
                        sum += (from[start + i * stride + offset] & 0xff) * weights[i];
                    }
                    to[end + offset] = level(sum >> FRACTION);
                }
            }
        }
        return to;
    }

    /** For each element of an axis, which elements of the other size it is made of, and with which weights. */
    private static final class Kernel {

        private final int[] first;
        private final int[][] weights;

        Kernel(int from, int to, Filter filter) {
            double scale = (double) from / to;
            double stretch = Math.max(1, scale);
            first = new int[to];
            weights = new int[to][];
            for (int at = 0; at < to; at++) {
                double centre = (at + 0.5) * scale;
                first[at] = Math.max(0, (int) (centre - filter.radius * stretch + 0.5));
                int end = Math.min(from, (int) (centre + filter.radius * stretch + 0.5));
                double[] exact = new double[end - first[at]];
                double sum = 0;
                for (int i = 0; i < exact.length; i++) {
                    double x = Math.abs((first[at] + i - centre + 0.5) / stretch);
                    exact[i] = x < filter.radius ? filter.at(x) : 0;
                    sum += exact[i];
                }
                weights[at] = new int[exact.length];
                for (int i = 0; i < exact.length; i++) {
                    weights[at][i] = (int) Math.rint(exact[i] / sum * (1 << FRACTION));
                }
            }
        }
    }
}
