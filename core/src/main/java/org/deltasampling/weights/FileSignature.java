package org.deltasampling.weights;

import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** Recognises, by its first bytes, what a file is. */
final class FileSignature {

    static final int SNIFFED_BYTES = 256;

    private FileSignature() {}

    /** Whether it is a zip archive, as PyTorch writes since version 1.6. */
    static boolean isZip(byte[] start) {
        return start.length > 1 && start[0] == 'P' && start[1] == 'K';
    }

    /** Whether it is a pickle, as those of PyTorch were before. A safetensors file may begin so too, but its header does not. */
    static boolean isPickle(byte[] start) {
        return start.length > 8 && start[0] == (byte) 0x80 && start[8] != '{';
    }

    /** The rest of a sentence whose subject is the file: what it is and what to do. */
    static String describe(byte[] start) {
        if (start.length == 0) {
            return "is empty; download or copy it again";
        }
        String text = new String(start, StandardCharsets.ISO_8859_1);
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
        return "is not a safetensors file, nor one of torch.save: it does not begin as they do";
    }
}
