package org.deltasampling.model;

import java.util.Map;
import java.util.Set;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.nn.Activation;
import org.deltasampling.weights.KeyTable;

/** The published text encoders of the CLIP kind: what leaves no trace in their weights, and where single files have them. */
enum TextEncoder {
    /** OpenAI's ViT-L in SD-1. */
    CLIP_L(Activation.QUICK_GELU, "<|endoftext|>", "clip-original", "cond_stage_model.transformer."),

    /** OpenCLIP's ViT-H in SD-2. */
    OPEN_CLIP_H(Activation.GELU, "!", "openclip-original", "cond_stage_model.model."),

    /** OpenAI's ViT-L in SD-XL. */
    CLIP_L_OF_XL(Activation.QUICK_GELU, "<|endoftext|>", "clip-xl", "conditioner.embedders.0.transformer."),

    /** OpenCLIP's ViT-bigG in SD-XL. */
    OPEN_CLIP_G_OF_XL(Activation.GELU, "!", "openclip-xl", "conditioner.embedders.1.model."),

    /** OpenAI's ViT-L in SD-3; in a file of its own without its projection, which is not used there. */
    CLIP_L_OF_SD3(Activation.QUICK_GELU, "<|endoftext|>", "clip-l-sd3", "text_encoders.clip_l.") {
        @Override
        KeyTable tableOfOwnFile() {
            return KeyTable.read("clip-transformers");
        }
    },

    /** OpenCLIP's ViT-bigG in SD-3, under transformers' names. */
    OPEN_CLIP_G_OF_SD3(Activation.GELU, "!", "clip-g-sd3", "text_encoders.clip_g.") {
        @Override
        KeyTable tableOfOwnFile() {
            return KeyTable.read("clip-projected");
        }
    };

    private static final String LAYERS = "transformer.resblocks.";

    /** Layers of OpenCLIP's whole ViT-H. */
    private static final int VIT_H_LAYERS = 24;

    private final Activation activation;
    private final String pad;
    private final String table;
    private final String prefix;

    TextEncoder(Activation activation, String pad, String table, String prefix) {
        this.activation = activation;
        this.pad = pad;
        this.table = table;
        this.prefix = prefix;
    }

    Activation activation() {
        return activation;
    }

    /** The token that pads a short prompt. */
    String pad() {
        return pad;
    }

    /** Whether a name in a single file is one of its weights. */
    boolean has(String name) {
        return name.startsWith(prefix);
    }

    /** Whether a single file of these names has it. */
    boolean isIn(Set<String> names) {
        return names.stream().anyMatch(this::has);
    }

    /**
     * Its names in a single file of these names. Of ViT-H the last layer is not used; a whole one is known by its text
     * projection or its depth, while a file written from diffusers' weights has only the layers that are used.
     */
    KeyTable table(Set<String> names) {
        int layers = WeightNames.numbers(names, prefix + LAYERS).size();
        boolean spare = this == OPEN_CLIP_H && (names.contains(prefix + "text_projection") || layers == VIT_H_LAYERS);
        return table(spare ? layers - 1 : layers);
    }

    /** The names of one of that config in a diffusers folder. */
    static KeyTable tableOfFolder(ClipText.Config c) {
        return KeyTable.read(c.projection() == 0 ? "clip-transformers" : "clip-projected");
    }

    /** Its names in a file that holds it alone, as those beside an SD-3 checkpoint do. */
    KeyTable tableOfOwnFile() {
        throw new IllegalStateException(this + " is not published in a file of its own");
    }

    /** Its names in a single file where so many of its layers are used. */
    KeyTable table(long layers) {
        return KeyTable.read(table, Map.of("layers", (int) layers), Map.of());
    }
}
