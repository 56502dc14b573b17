package org.deltasampling.tensor;

import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * An immutable point of the sampled space, shape (batch, channels, height, width), float32 unless a caller made it
 * otherwise. Every operation makes a new one in the current {@link TensorScope}.
 */
public final class Latent implements TensorValue, Carried {

    private final Tensor tensor;

    public Latent(Tensor tensor) {
        this.tensor = tensor;
    }

    @Override
    public List<Latent> tensors() {
        return List.of(this);
    }

    @Override
    public Tensor tensor() {
        return tensor;
    }

    /** {@code this + other}. */
    public Latent plus(Latent other) {
        return new Latent(tensor.add(other.tensor));
    }

    /** {@code this + factor * other}. */
    public Latent plus(double factor, Latent other) {
        return new Latent(tensor.add(other.tensor, new Scalar(factor)));
    }

    /** {@code this - other}. */
    public Latent minus(Latent other) {
        return new Latent(tensor.sub(other.tensor));
    }

    /** {@code factor * this}. */
    public Latent times(double factor) {
        return new Latent(tensor.mul(new Scalar(factor)));
    }

    /** Every element held to [-limit, limit]. */
    public Latent clamped(double limit) {
        return new Latent(tensor.clamp(new ScalarOptional(new Scalar(-limit)), new ScalarOptional(new Scalar(limit))));
    }

    /** {@code this + constant}, element by element. */
    public Latent plus(double constant) {
        return new Latent(tensor.add(new Scalar(constant)));
    }

    /** {@code a * x + b * y}. */
    public static Latent combine(double a, Latent x, double b, Latent y) {
        return x.times(a).plus(b, y);
    }

    /** The images of all {@code parts} in one batch, in order. */
    public static Latent joinBatch(List<Latent> parts) {
        if (parts.size() == 1) {
            return parts.get(0);
        }
        TensorVector tensors = new TensorVector();
        parts.forEach(part -> tensors.push_back(part.tensor));
        return new Latent(torch.cat(tensors, 0));
    }

    /** Each image of the batch by itself, in order. */
    public List<Latent> images() {
        return LongStream.range(0, tensor.size(0))
                .mapToObj(image -> new Latent(tensor.narrow(0, image, 1)))
                .toList();
    }

    /** The channels of {@code this} followed by those of {@code other}. */
    public Latent joinChannels(Latent other) {
        return new Latent(torch.cat(new TensorVector(tensor, other.tensor), 1));
    }

    /** Channels {@code from} (inclusive) to {@code from + count}. */
    public Latent channels(long from, long count) {
        return new Latent(tensor.narrow(1, from, count));
    }

    /** Shape as (batch, channels, height, width). */
    public long[] shape() {
        return tensor.sizes().vec().get();
    }

    /** Width and height in elements. */
    public LatentSize size() {
        return new LatentSize(tensor.size(3), tensor.size(2));
    }

    /** The same at another size: mean values where it shrinks, bilinear where it grows. */
    public Latent resized(LatentSize size) {
        return new Latent(Resizing.resized(tensor, size.width(), size.height()));
    }

    /**
     * Unit noise at another size, white if this is: each element is spread over p and q of those are gathered, with p / q the
     * ratio of the sides in lowest terms. What spreads gets its differences from {@code more} (docs/method.md 2.4).
     *
     * @param more draws the noise of a shape, always the same for the same shape
     */
    public Latent resizedNoise(LatentSize size, Function<long[], Latent> more) {
        long[] now = shape();
        long[] common = {gcd(now[2], size.height()), gcd(now[3], size.width())};
        long[] down = {now[2] / common[0], now[3] / common[1]};
        long[] up = {size.height() / common[0], size.width() / common[1]};
        Tensor noise = tensor;
        if (up[0] * up[1] > 1) {
            long[] spread = {now[2] * up[0], now[3] * up[1]};
            Tensor fine = more.apply(new long[] {now[0], now[1], spread[0], spread[1]}).tensor;
            Tensor coarse = noise.mul(new Scalar(1 / Math.sqrt((double) (up[0] * up[1]))))
                    .sub(torch.avg_pool2d(fine, up));
            noise = torch.upsample_nearest2d(coarse, spread).add(fine);
        }
        if (down[0] * down[1] > 1) {
            noise = torch.avg_pool2d(noise, down).mul(new Scalar(Math.sqrt((double) (down[0] * down[1]))));
        }
        return new Latent(noise);
    }

    private static long gcd(long a, long b) {
        return b == 0 ? a : gcd(b, a % b);
    }

    /** Euclidean norm over all elements. */
    public double norm() {
        return tensor.norm().item_double();
    }

    /** Whether both hold the same bits. */
    public boolean sameBits(Latent other) {
        return Arrays.equals(shape(), other.shape()) && tensor.equal(other.tensor);
    }

    /** All elements, the last axis fastest. */
    public float[] values() {
        Tensor dense = tensor.to(torch.ScalarType.Float).contiguous();
        float[] all = new float[Math.toIntExact(dense.numel())];
        dense.data_ptr_float().get(all);
        return all;
    }
}
