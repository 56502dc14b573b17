package org.deltasampling.nn;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Sines and cosines of a timestep (Vaswani et al. 2017, with the options of diffusers' {@code get_timestep_embedding}),
 * then two linear layers.
 *
 * @param width number of sines and cosines together, even
 * @param cosinesFirst diffusers' {@code flip_sin_to_cos}
 * @param shift diffusers' {@code freq_shift}: the frequencies are 10000^(-i / (width / 2 - shift))
 */
public record TimestepEmbedding(Linear linear1, Linear linear2, long width, boolean cosinesFirst, double shift) {

    public static TimestepEmbedding of(Parameters p, long width, long out, boolean cosinesFirst, double shift) {
        return new TimestepEmbedding(
                Linear.of(p.at("linear_1"), width, out),
                Linear.of(p.at("linear_2"), out, out),
                width,
                cosinesFirst,
                shift);
    }

    /** timesteps (batch), float32, to (batch, out) in the weights' precision. */
    public Tensor apply(Tensor timesteps) {
        Tensor waves =
                waves(timesteps, width, cosinesFirst, shift).to(linear1.weight().scalar_type()); // (b, width)
        return linear2.apply(Activation.SILU.apply(linear1.apply(waves))); // (b, out)
    }

    /** The sines and cosines alone: numbers (n), float32, to (n, width). */
    public static Tensor waves(Tensor numbers, long width, boolean cosinesFirst, double shift) {
        long half = width / 2;
        Tensor frequencies = torch.arange(new Scalar(half))
                .to(numbers.device(), torch.ScalarType.Float)
                .mul(new Scalar(-Math.log(10000)))
                .div(new Scalar(half - shift))
                .exp(); // (half)
        Tensor angles = numbers.unsqueeze(1).mul(frequencies.unsqueeze(0)); // (n, half)
        TensorVector parts = cosinesFirst
                ? new TensorVector(angles.cos(), angles.sin())
                : new TensorVector(angles.sin(), angles.cos());
        return torch.cat(parts, 1); // (n, width)
    }
}
