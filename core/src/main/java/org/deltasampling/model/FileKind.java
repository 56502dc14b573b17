package org.deltasampling.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/** What a file of weights is, judged by all of the names in it. */
public enum FileKind {
    BRIDGE("a bridge between latents", "name it as a delta's bridge"),
    LYCORIS("a LyCORIS adapter", "name it under target.adapters, and as the model the one that it was made for"),
    LORA("a LoRA", "name it under target.adapters, and as the model the one that it was made for"),
    CONTROL_NET(
            "a ControlNet",
            "name it under target.adapters, with an image, and as the model the one that it was made for"),
    T2I_ADAPTER(
            "a T2I-Adapter",
            "name it under target.adapters, with an image, and as the model the one that it was made for"),
    IP_ADAPTER(
            "an IP-Adapter",
            "name it under target.adapters, with an image, and as the model the one that it was made for"),
    EMBEDDING("a textual inversion", "name it under target.adapters, and as the model the one that it was made for"),
    SDXL_REFINER("a Stable Diffusion XL refiner", "give the base model, which makes images by itself"),
    EDM(
            "a model of the EDM process, such as Playground 2.5 or CosXL",
            "give a Stable Diffusion model that predicts noise or velocity"),
    FLUX("a Flux model", "give a Stable Diffusion 1.x, 2.x, XL, 3 or 3.5 model"),
    /** The original layout, with the denoising network and perhaps all else. */
    CHECKPOINT("a checkpoint in the original layout", ""),
    /** An SD-3 transformer alone under diffusers' names. */
    TRANSFORMER("a transformer of Stable Diffusion 3 alone, in diffusers' names", ""),
    /** The UNet alone under diffusers' names. */
    UNET("a UNet alone, in diffusers' names", ""),
    /** Only a moving average of the denoising network's weights, in names without dots. */
    AVERAGED(
            "a checkpoint that has only averaged weights (model_ema) of the UNet",
            "give one that has the weights themselves, or that was written with the averaged ones in their place"),
    /** An autoencoder or its half, a text encoder, or both. */
    PARTS(
            "a part of a model",
            "give a whole model: a diffusers folder, or a checkpoint that has the denoising network as well"),
    UNKNOWN(
            "not a model that is known here",
            "give a Stable Diffusion 1.x, 2.x, XL, 3 or 3.5 model: a diffusers folder or a .safetensors checkpoint");

    private static final String[] LYCORIS_SIGNS = {
        ".hada_w",
        ".lokr_w",
        ".oft_",
        ".a1.weight",
        ".on_input",
        ".diff.",
        ".diff_b.",
        ".w_norm.",
        ".b_norm.",
        ".dora_scale.",
        ".set_weight."
    };

    private static final String[] LORA_SIGNS = {
        ".lora_down.",
        ".lora_up.",
        ".lora_A.",
        ".lora_B.",
        ".lora.down.",
        ".lora.up.",
        "_lora.down.",
        "_lora.up.",
        ".lora_linear_layer."
    };

    private final String title;
    private final String advice;

    FileKind(String title, String advice) {
        this.title = title;
        this.advice = advice;
    }

    /** The kind of a file of these names. */
    public static FileKind of(Set<String> names) {
        FileParts parts = FileParts.of(names);
        if (names.containsAll(List.of("there.weight", "back.weight"))) {
            return BRIDGE;
        }
        if (2 * names.stream().filter(FileKind::isOfAdapter).count() > names.size()) {
            return names.stream().anyMatch(name -> contains(name, LYCORIS_SIGNS)) ? LYCORIS : LORA;
        }
        if (WeightNames.anyBegins(names, "control_model.", "controlnet_", "input_hint_block.", "zero_convs.")) {
            return CONTROL_NET;
        }
        if (WeightNames.anyBegins(names, "adapter.body.", "body.0.block1.", "body.0.body.")) {
            return T2I_ADAPTER;
        }
        if (WeightNames.anyBegins(names, "model.diffusion_model.double_blocks.", "double_blocks.")) {
            return FLUX;
        }
        if (parts.network()) {
            return ofNetwork(names, parts);
        }
        if (WeightNames.anyBegins(names, "ip_adapter.", "image_proj.")) {
            return IP_ADAPTER;
        }
        if (WeightNames.anyBegins(names, "emb_params", "string_to_param")) {
            return EMBEDDING;
        }
        if (parts.averaged()) {
            return AVERAGED;
        }
        return parts.beside().isEmpty() ? UNKNOWN : PARTS;
    }

    private static FileKind ofNetwork(Set<String> names, FileParts parts) {
        if (WeightNames.anyBegins(names, "edm_mean", "edm_vpred.")) {
            return EDM;
        }
        if (WeightNames.anyBegins(names, "conditioner.embedders.0.model.")) {
            return SDXL_REFINER;
        }
        return parts.original() ? CHECKPOINT : parts.transformer() ? TRANSFORMER : UNET;
    }

    private static boolean isOfAdapter(String name) {
        return name.startsWith("lora_unet_")
                || name.startsWith("lora_te")
                || name.startsWith("lycoris_")
                || contains(name, LORA_SIGNS)
                || contains(name, LYCORIS_SIGNS);
    }

    private static boolean contains(String name, String... signs) {
        return Arrays.stream(signs).anyMatch((name + ".")::contains);
    }

    /** What a file of these names is, for people, with an article. */
    public static String title(Set<String> names) {
        FileKind kind = of(names);
        FileParts parts = FileParts.of(names);
        return switch (kind) {
            case CONTROL_NET -> parts.original() ? "a ControlNet together with the model that it controls" : kind.title;
            case AVERAGED -> averaged(parts);
            case PARTS -> title(parts);
            default -> kind.title;
        };
    }

    private static String averaged(FileParts parts) {
        List<String> all = new ArrayList<>(parts.beside());
        all.add("only averaged weights (model_ema) of the UNet");
        return "a checkpoint that has " + String.join(" and ", all);
    }

    private static String title(FileParts parts) {
        List<String> all = parts.beside();
        if (all.size() > 1) {
            return String.join(" and ", all) + ", without a denoising network";
        }
        if (parts.text()) {
            return "a text encoder alone";
        }
        return parts.autoencoder() ? "an autoencoder (VAE) alone" : all.get(0);
    }

    /** What it is, for people, with an article; {@link #title(Set)} says more of a file that is at hand. */
    public String title() {
        return title;
    }

    /** What to give where a model is wanted; empty for what is one. */
    public String advice() {
        return advice;
    }
}
