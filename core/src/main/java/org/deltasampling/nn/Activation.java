package org.deltasampling.nn;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** A function of each element. */
public enum Activation {
    /** x sigmoid(x). */
    SILU {
        @Override
        public Tensor apply(Tensor x) {
            return torch.silu(x);
        }
    },
    /** x Phi(x), Phi the normal distribution function (no tanh approximation). */
    GELU {
        @Override
        public Tensor apply(Tensor x) {
            return torch.gelu(x);
        }
    },
    /** The same with Phi approximated by a tanh: transformers' gelu_new, diffusers' gelu-approximate. */
    GELU_TANH {
        @Override
        public Tensor apply(Tensor x) {
            return torch.gelu(x, "tanh");
        }
    },
    /** x sigmoid(1.702 x), as OpenAI's CLIP has it. */
    QUICK_GELU {
        @Override
        public Tensor apply(Tensor x) {
            return x.mul(torch.sigmoid(x.mul(new Scalar(1.702))));
        }
    };

    /** The same shape. */
    public abstract Tensor apply(Tensor x);
}
