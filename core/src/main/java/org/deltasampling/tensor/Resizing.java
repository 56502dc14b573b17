package org.deltasampling.tensor;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Other sizes of (batch, channels, height, width). */
final class Resizing {

    private Resizing() {}

    /** Mean values along sides that shrink, bilinear along those that grow. */
    static Tensor resized(Tensor x, long width, long height) {
        Tensor smaller = torch.adaptive_avg_pool2d(x, Math.min(height, x.size(2)), Math.min(width, x.size(3)));
        return torch.upsample_bilinear2d(smaller, new long[] {height, width}, false);
    }
}
