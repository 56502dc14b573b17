package org.deltasampling.weights;

import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** The number formats of a safetensors file, under their names there. */
enum FileType {
    F64(torch.ScalarType.Double, 8),
    F32(torch.ScalarType.Float, 4),
    F16(torch.ScalarType.Half, 2),
    BF16(torch.ScalarType.BFloat16, 2),
    F8_E4M3(torch.ScalarType.Float8_e4m3fn, 1),
    F8_E5M2(torch.ScalarType.Float8_e5m2, 1),
    I64(torch.ScalarType.Long, 8),
    I32(torch.ScalarType.Int, 4),
    I16(torch.ScalarType.Short, 2),
    I8(torch.ScalarType.Char, 1),
    U8(torch.ScalarType.Byte, 1),
    BOOL(torch.ScalarType.Bool, 1);

    private final torch.ScalarType type;
    private final int bytes;

    FileType(torch.ScalarType type, int bytes) {
        this.type = type;
        this.bytes = bytes;
    }

    torch.ScalarType type() {
        return type;
    }

    int bytes() {
        return bytes;
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
