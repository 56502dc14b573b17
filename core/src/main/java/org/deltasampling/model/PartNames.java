package org.deltasampling.model;

/** diffusers' names of a model's parts: of their folders, and of their entries in model_index.json. */
final class PartNames {

    static final String UNET = "unet";
    static final String TRANSFORMER = "transformer";
    static final String VAE = "vae";
    static final String SCHEDULER = "scheduler";

    /** SD-3's third text encoder. */
    static final String T5 = textEncoder(2);

    private PartNames() {}

    static String textEncoder(int index) {
        return numbered("text_encoder", index);
    }

    static String tokenizer(int index) {
        return numbered("tokenizer", index);
    }

    private static String numbered(String part, int index) {
        return index == 0 ? part : part + "_" + (index + 1);
    }
}
