package org.deltasampling.model;

import java.util.List;
import java.util.Set;

/** What a file of weights is, told by the names in it. */
@SuppressWarnings("ImmutableEnumChecker") // its lists are made by List.of
public enum FileKind {
    BRIDGE("a bridge between latents", "give it with --bridge", List.of("there.weight", "back.weight"), List.of()),
    LYCORIS(
            "a LyCORIS adapter",
            "give it with --lora once its kind is supported, and give the model it was made for",
            List.of(),
            List.of(".hada_w", ".lokr_w", ".oft_", ".a1.weight", ".on_input")),
    LORA(
            "a LoRA",
            "give it with --lora, and as MODEL the model it was made for",
            List.of("lora_unet_", "lora_te"),
            List.of(".lora_down.", ".lora_A.", ".lora.down.", "_lora.down.", ".lora_linear_layer.")),
    CONTROL_NET(
            "a ControlNet",
            "give as MODEL the model that it controls",
            List.of("control_model.", "controlnet_", "input_hint_block.", "zero_convs."),
            List.of()),
    IP_ADAPTER(
            "an IP-Adapter",
            "give as MODEL the model it was made for",
            List.of("ip_adapter.", "image_proj."),
            List.of()),
    EMBEDDING(
            "a textual inversion",
            "give as MODEL the model it was made for",
            List.of("emb_params", "string_to_param"),
            List.of()),
    SDXL_REFINER(
            "a Stable Diffusion XL refiner",
            "give the base model, which makes images by itself",
            List.of("conditioner.embedders.0.model."),
            List.of()),
    EDM(
            "a model of the EDM process, such as Playground 2.5 or CosXL",
            "give a Stable Diffusion model that predicts noise or velocity",
            List.of("edm_mean", "edm_vpred."),
            List.of()),
    FLUX(
            "a Flux model",
            "give a Stable Diffusion 1.x, 2.x, XL, 3 or 3.5 model",
            List.of("model.diffusion_model.double_blocks.", "double_blocks."),
            List.of()),
    /** The original layout, with the UNet and perhaps all else. */
    CHECKPOINT("a checkpoint in the original layout", "", List.of("model.diffusion_model."), List.of()),
    /** An SD-3 transformer alone under diffusers' names. */
    TRANSFORMER(
            "a transformer of Stable Diffusion 3 alone, in diffusers' names",
            "",
            List.of("pos_embed.pos_embed"),
            List.of()),
    /** An SD-3 transformer alone in the original names. */
    BARE_TRANSFORMER(
            "a transformer of Stable Diffusion 3 alone, in the original layout without its prefix",
            "give the whole checkpoint that it is from",
            List.of("joint_blocks."),
            List.of()),
    /** The UNet alone in the original names. */
    BARE_UNET(
            "a UNet alone, in the original layout without its prefix",
            "give the whole checkpoint that it is from",
            List.of("input_blocks."),
            List.of()),
    VAE(
            "an autoencoder (VAE) alone",
            "give a whole model: a diffusers folder, or a checkpoint that has the UNet and the text encoder as well",
            List.of("first_stage_model.", "encoder.down", "decoder.up", "encoder.conv_in", "decoder.conv_in"),
            List.of()),
    /** The UNet alone under diffusers' names. */
    UNET("a UNet alone, in diffusers' names", "", List.of("down_blocks.", "mid_block."), List.of()),
    TEXT_ENCODER(
            "a text encoder alone",
            "give a whole model: a diffusers folder, or a checkpoint that has the UNet and the autoencoder as well",
            List.of(
                    "text_model.",
                    "cond_stage_model.",
                    "conditioner.embedders.",
                    "text_encoders.",
                    "embeddings.token_embedding",
                    "encoder.block."),
            List.of()),
    UNKNOWN(
            "no model that is known here",
            "give a Stable Diffusion 1.x, 2.x, XL, 3 or 3.5 model: a diffusers folder or a .safetensors checkpoint",
            List.of(),
            List.of());

    private final String title;
    private final String advice;
    private final List<String> beginnings;
    private final List<String> middles;

    FileKind(String title, String advice, List<String> beginnings, List<String> middles) {
        this.title = title;
        this.advice = advice;
        this.beginnings = beginnings;
        this.middles = middles;
    }

    /** The first kind of which a name is a sign. */
    public static FileKind of(Set<String> names) {
        for (FileKind kind : values()) {
            if (names.stream().anyMatch(kind::isSign)) {
                return kind;
            }
        }
        return UNKNOWN;
    }

    private boolean isSign(String name) {
        return beginnings.stream().anyMatch(name::startsWith)
                || middles.stream().anyMatch(name::contains);
    }

    /** What it is, for people, with an article. */
    public String title() {
        return title;
    }

    /** What to give where a model is wanted; empty for what is one. */
    public String advice() {
        return advice;
    }
}
