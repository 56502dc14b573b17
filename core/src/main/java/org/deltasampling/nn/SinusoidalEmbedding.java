package org.deltasampling.nn;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.weights.BadWeightsException;

/**
 * Sines and cosines of numbers (Vaswani et al. 2017), with the options of diffusers' {@code get_timestep_embedding}.
 *
 * @param cosinesFirst diffusers' {@code flip_sin_to_cos}
 * @param shift diffusers' {@code freq_shift}: the frequencies are 10000^(-i / (width / 2 - shift))
 */
public record SinusoidalEmbedding(boolean cosinesFirst, double shift) {

    /** Refuses a width that it cannot give, by a {@link BadWeightsException}. */
    public void requireWidth(long width) {
        if (width % 2 != 0 || shift < 0 || shift >= width / 2.0) {
            throw new BadWeightsException(
                    "a sinusoidal embedding cannot be %d wide with frequencies shifted by %s".formatted(width, shift));
        }
    }

    /** numbers (n), float32, to (n, width), half of them sines; {@code width} is even. */
    public Tensor apply(Tensor numbers, long width) {
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
