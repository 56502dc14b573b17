package org.deltasampling.tensor;

import org.bytedeco.pytorch.global.torch;

/** The number format that a network computes in. */
public enum Precision {
    FLOAT32(torch.ScalarType.Float, 4),
    FLOAT16(torch.ScalarType.Half, 2),
    BFLOAT16(torch.ScalarType.BFloat16, 2);

    private final torch.ScalarType type;
    private final int bytes;

    Precision(torch.ScalarType type, int bytes) {
        this.type = type;
        this.bytes = bytes;
    }

    /** libtorch's name of this format. */
    public torch.ScalarType type() {
        return type;
    }

    /** Size of one number in bytes. */
    public int bytes() {
        return bytes;
    }
}
