package org.deltasampling.image;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.TensorScope;

/** Blurs images, first along rows, then along columns; beyond the edge they go on as at it. */
final class GaussianBlur {

    /** The kernel's, in standard deviations. */
    private static final double RADIUS = 3;

    private GaussianBlur() {}

    /**
     * {@code image} (1, 3, height, width) blurred; owned by the caller's region.
     *
     * @param deviation in pixels
     */
    static Tensor of(Tensor image, double deviation) {
        int radius = (int) Math.ceil(RADIUS * deviation);
        float[] kernel = new float[2 * radius + 1];
        double sum = 0;
        for (int i = 0; i < kernel.length; i++) {
            double x = (i - radius) / Math.max(deviation, 1e-6);
            kernel[i] = (float) Math.exp(-x * x / 2);
            sum += kernel[i];
        }
        for (int i = 0; i < kernel.length; i++) {
            kernel[i] /= (float) sum;
        }
        return TensorScope.scopedTensor(() -> {
            Tensor along = Tensor.create(kernel, 1, 1, 1, kernel.length);
            Tensor three = torch.cat(new TensorVector(along, along, along), 0); // (3, 1, 1, kernel)
            Tensor rows = convolved(image, three, radius);
            return convolved(rows.transpose(2, 3), three, radius)
                    .transpose(2, 3)
                    .contiguous();
        });
    }

    /** Along the last axis. */
    private static Tensor convolved(Tensor image, Tensor kernel, long radius) {
        Tensor padded = torch.replication_pad2d(image, new long[] {radius, radius, 0, 0});
        return torch.conv2d(
                padded, kernel, new TensorOptional(), new long[] {1, 1}, new long[] {0, 0}, new long[] {1, 1}, 3);
    }
}
