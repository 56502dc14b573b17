package org.deltasampling.weights;

import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** The number formats of files, under their names in safetensors. */
enum FileType {
    F64(torch.ScalarType.Double, 8, "float64"),
    F32(torch.ScalarType.Float, 4, "float32"),
    F16(torch.ScalarType.Half, 2, "float16"),
    BF16(torch.ScalarType.BFloat16, 2, "bfloat16"),
    F8_E4M3(torch.ScalarType.Float8_e4m3fn, 1, "float8_e4m3fn"),
    F8_E5M2(torch.ScalarType.Float8_e5m2, 1, "float8_e5m2"),
    I64(torch.ScalarType.Long, 8, "int64"),
    I32(torch.ScalarType.Int, 4, "int32"),
    I16(torch.ScalarType.Short, 2, "int16"),
    I8(torch.ScalarType.Char, 1, "int8"),
    U8(torch.ScalarType.Byte, 1, "uint8"),
    BOOL(torch.ScalarType.Bool, 1, "bool");

    private final torch.ScalarType type;
    private final int bytes;
    private final String dtype;

    FileType(torch.ScalarType type, int bytes, String dtype) {
        this.type = type;
        this.bytes = bytes;
        this.dtype = dtype;
    }

    torch.ScalarType type() {
        return type;
    }

    int bytes() {
        return bytes;
    }

    /** PyTorch's own name of it. */
    String dtype() {
        return dtype;
    }

    static @Nullable FileType named(String name) {
        for (FileType type : values()) {
            if (type.name().equals(name)) {
                return type;
            }
        }
        return null;
    }

    static FileType of(torch.ScalarType wanted) {
        for (FileType type : values()) {
            if (type.type == wanted) {
                return type;
            }
        }
        throw new IllegalArgumentException("safetensors files have no " + wanted);
    }
}
