package org.deltasampling.nn;

import org.bytedeco.pytorch.Tensor;
import org.deltasampling.tensor.TensorScope;
import org.jspecify.annotations.Nullable;

/** {@code x + conv2(silu(norm2(conv1(silu(norm1(x))) + time)))}, diffusers' {@code ResnetBlock2D}. */
public record ResnetBlock(
        GroupNorm norm1,
        Conv2d conv1,
        @Nullable Linear time,
        GroupNorm norm2,
        Conv2d conv2,
        @Nullable Conv2d shortcut) {

    /** With a time embedding of {@code timeWidth}. */
    public static ResnetBlock withTime(Parameters p, long in, long out, long timeWidth, GroupNorm.Groups groups) {
        return of(p, in, out, Linear.of(p.at("time_emb_proj"), timeWidth, out), groups);
    }

    /** Without a time embedding. */
    public static ResnetBlock withoutTime(Parameters p, long in, long out, GroupNorm.Groups groups) {
        return of(p, in, out, null, groups);
    }

    private static ResnetBlock of(Parameters p, long in, long out, @Nullable Linear time, GroupNorm.Groups groups) {
        return new ResnetBlock(
                GroupNorm.of(p.at("norm1"), in, groups),
                Conv2d.same(p.at("conv1"), in, out, 3),
                time,
                GroupNorm.of(p.at("norm2"), out, groups),
                Conv2d.same(p.at("conv2"), out, out, 3),
                in == out ? null : Conv2d.same(p.at("conv_shortcut"), in, out, 1));
    }

    /** x (b, in, h, w) to (b, out, h, w), for a block without a time embedding. */
    public Tensor apply(Tensor x) {
        return apply(x, null);
    }

    /** x (b, in, h, w) and the time embedding (b or 1, timeWidth) to (b, out, h, w). */
    public Tensor apply(Tensor x, @Nullable Tensor timeEmbedding) {
        return TensorScope.scopedTensor(() -> {
            Tensor y = convolved(norm1, conv1, x); // (b, out, h, w)
            if (time != null && timeEmbedding != null) {
                Tensor shift = time.apply(Activation.SILU.apply(timeEmbedding)); // (b, out)
                y = y.add(shift.unsqueeze(-1).unsqueeze(-1));
            }
            y = convolved(norm2, conv2, y);
            return y.add(shortcut == null ? x : shortcut.apply(x));
        });
    }

    /** {@code conv(silu(norm(x)))}; the normalized tensor, a gigabyte of a large image, is released before the convolution runs. */
    private static Tensor convolved(GroupNorm norm, Conv2d conv, Tensor x) {
        return TensorScope.scopedTensor(
                () -> conv.apply(TensorScope.scopedTensor(() -> Activation.SILU.apply(norm.apply(x)))));
    }
}
