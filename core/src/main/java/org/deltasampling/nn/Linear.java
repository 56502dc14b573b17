package org.deltasampling.nn;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** {@code y = x W^T + b}, weight (out, in), bias (out). */
public record Linear(Tensor weight, @Nullable Tensor bias) {

    /** Fewer rows than this are not worth a second thread. */
    private static final long ROWS = 64;

    public static Linear of(Parameters p, long in, long out) {
        return new Linear(p.get("weight", out, in), p.get("bias", out));
    }

    public static Linear withoutBias(Parameters p, long in, long out) {
        return new Linear(p.get("weight", out, in), null);
    }

    /** x (..., in) to (..., out). */
    public Tensor apply(Tensor x) {
        long rows = x.numel() / weight.size(1);
        boolean slow = weight.scalar_type().intern() == torch.ScalarType.Float
                && rows >= ROWS
                && !weight.is_cuda()
                && !weight.requires_grad();
        return slow && !x.requires_grad() ? convolved(x, rows) : torch.linear(x, weight, optional());
    }

    /**
     * The same as a convolution of one pixel. libtorch hands a float32 product to OpenBLAS, whose threads fight those of
     * libtorch for the cores, and a float32 convolution to oneDNN, which runs on libtorch's own.
     */
    private Tensor convolved(Tensor x, long rows) {
        long in = weight.size(1);
        long out = weight.size(0);
        Tensor y = torch.conv2d(
                x.reshape(1, 1, rows, in).permute(0, 3, 1, 2), // (1, in, 1, rows), channels last in memory
                weight.view(out, in, 1, 1),
                optional(),
                new long[] {1, 1},
                new long[] {0, 0},
                new long[] {1, 1},
                1);
        long[] shape = x.sizes().vec().get();
        shape[shape.length - 1] = out;
        return y.permute(0, 2, 3, 1).view(shape);
    }

    private TensorOptional optional() {
        return bias == null ? new TensorOptional() : new TensorOptional(bias);
    }
}
