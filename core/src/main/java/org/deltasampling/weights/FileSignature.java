package org.deltasampling.weights;

import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** Recognises, by its first bytes, what a file is that is not safetensors. */
final class FileSignature {

    static final int SNIFFED_BYTES = 256;

    private FileSignature() {}

    /** The rest of a sentence whose subject is the file: what it is and what to do. */
    static String describe(byte[] start) {
        if (start.length == 0) {
            return "is empty; download or copy it again";
        }
        String text = new String(start, StandardCharsets.ISO_8859_1);
        if (text.startsWith("PK") || start[0] == (byte) 0x80) {
            return "is a PyTorch pickle (.ckpt, .pt, .pth or .bin), which can run code of its author's when opened;"
                    + " save it as .safetensors first";
        }
        if (text.startsWith("GGUF")) {
            return "is a GGUF file, which is not read; use the .safetensors file it was made from";
        }
        if (text.startsWith("version https://git-lfs")) {
            return "is only a Git LFS pointer to the model; fetch the file itself with `git lfs pull`";
        }
        String trimmed = text.strip().toLowerCase(Locale.ROOT);
        if (trimmed.startsWith("<!doctype")
                || trimmed.startsWith("<html")
                || trimmed.startsWith("<?xml")
                || trimmed.startsWith("<head")) {
            return "is a web page, not a model: the download got a login or error page; download the file itself";
        }
        if (trimmed.startsWith("{")) {
            return "is a JSON text, not a model; give the folder it lies in or a .safetensors file";
        }
        if (start.length < 9) {
            return "is cut short: it ends inside the header; download or copy it again";
        }
        return "is not a safetensors file: it does not begin with a header length and a JSON header";
    }
}
