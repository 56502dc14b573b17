package org.deltasampling;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.SeededNoise;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.SafetensorsWriter;

/** Whole models in miniature, with random weights, for checkouts without the kit: diffusers folders of about 1 MB. */
public final class TinyModels {

    private static final ObjectMapper JSON = new ObjectMapper();

    private TinyModels() {}

    /** A folder in the layout of SD-1: epsilon, convolutions in and out of its transformers; images shrink by 2. */
    public static Path sd1(Path folder, long seed) {
        return unet(folder, seed, 32, "quick_gelu", false, "4", "epsilon", 2);
    }

    /** A folder in the layout of SD-2: v-prediction, linear projections, another text width; {@link #sd1}'s autoencoder. */
    public static Path sd2(Path folder, long seed) {
        return unet(folder, seed, 48, "gelu", true, "[2, 4]", "v_prediction", 2);
    }

    /**
     * A folder in the layout of any family. Images shrink by 8 and are 64 wide; the autoencoders are scaled as the
     * published ones, and shared where those are.
     */
    public static Path of(Architecture family, Path folder, long seed) {
        return switch (family) {
            case SD1 -> unet(folder, seed, 32, "quick_gelu", false, "4", "epsilon", 4);
            case SD2 -> unet(folder, seed, 48, "gelu", true, "[2, 4]", "v_prediction", 4);
            case SDXL -> sdxl(folder, seed);
            case SD3 -> mmdit(folder, seed, 16, "null", "[]");
            case SD35_MEDIUM -> mmdit(folder, seed, 16, "\"rms_norm\"", "[0]");
            case SD35_LARGE -> mmdit(folder, seed, 16, "\"rms_norm\"", "[]");
        };
    }

    /** A kohya LoRA of rank 2 on every attention projection of an {@link #sd1} model's UNet. */
    public static Path lora(Path file, Path model, long seed) {
        try (TensorScope scope = TensorScope.open()) {
            SeededNoise noise = new SeededNoise(seed);
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            JsonNode config = Kit.json(model.resolve("unet/config.json"));
            Parameters.declaredBy(p -> new UNet(UNet.Config.read(config), p)).forEach((name, shape) -> {
                if (name.matches(".*attn[12]\\.to_[qv]\\.weight")) {
                    String key = "lora_unet_"
                            + name.substring(0, name.length() - ".weight".length())
                                    .replace('.', '_');
                    tensors.put(
                            key + ".lora_down.weight",
                            noise.draw(2, shape[1]).times(0.3).tensor());
                    tensors.put(
                            key + ".lora_up.weight",
                            noise.draw(shape[0], 2).times(0.3).tensor());
                    tensors.put(key + ".alpha", torch.full(new long[0], new Scalar(2.0)));
                }
            });
            SafetensorsWriter.write(file, tensors);
        }
        return file;
    }

    private static Path unet(
            Path folder,
            long seed,
            int context,
            String activation,
            boolean linear,
            String heads,
            String prediction,
            int levels) {
        unet(folder, seed, """
                {"_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, "sample_size": 8,
                 "block_out_channels": [32, 64], "layers_per_block": 1, "cross_attention_dim": %d,
                 "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
                 "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
                 "attention_head_dim": %s, "use_linear_projection": %s}\
                """.formatted(context, heads, linear));
        autoencoder(folder, 4, levels, 0.18215, 0);
        text(folder, "text_encoder", seed + 2, "CLIPTextModel", context, activation);
        json(folder.resolve("scheduler/scheduler_config.json"), """
                {"_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012,
                 "beta_schedule": "scaled_linear", "num_train_timesteps": 1000, "prediction_type": "%s",
                 "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1,
                 "timestep_spacing": "leading"}\
                """.formatted(prediction));
        json(folder.resolve("model_index.json"), """
                {"_class_name": "StableDiffusionPipeline", "scheduler": ["diffusers", "DDIMScheduler"],
                 "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
                 "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}\
                """);
        tokenizer(folder.resolve("tokenizer"));
        return folder;
    }

    private static Path sdxl(Path folder, long seed) {
        unet(folder, seed, """
                {"_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, "sample_size": 8,
                 "block_out_channels": [32, 64], "layers_per_block": 1, "cross_attention_dim": 80,
                 "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
                 "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"], "attention_head_dim": [2, 4],
                 "addition_embed_type": "text_time", "addition_time_embed_dim": 8,
                 "projection_class_embeddings_input_dim": 96, "use_linear_projection": true}\
                """);
        autoencoder(folder, 4, 4, 0.13025, 0);
        text(folder, "text_encoder", seed + 2, "CLIPTextModel", 32, "quick_gelu");
        text(folder, "text_encoder_2", seed + 3, "CLIPTextModelWithProjection", 48, "gelu");
        json(folder.resolve("scheduler/scheduler_config.json"), """
                {"_class_name": "EulerDiscreteScheduler", "beta_start": 0.00085, "beta_end": 0.012,
                 "beta_schedule": "scaled_linear", "num_train_timesteps": 1000, "prediction_type": "epsilon",
                 "steps_offset": 1, "timestep_spacing": "leading"}\
                """);
        json(folder.resolve("model_index.json"), """
                {"_class_name": "StableDiffusionXLPipeline", "scheduler": ["diffusers", "EulerDiscreteScheduler"],
                 "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
                 "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
                 "tokenizer_2": ["transformers", "CLIPTokenizer"], "force_zeros_for_empty_prompt": true,
                 "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}\
                """);
        tokenizer(folder.resolve("tokenizer"));
        tokenizer(folder.resolve("tokenizer_2"));
        return folder;
    }

    /** A flow over latents of four channels, {@link Architecture#SDXL}'s: there is no such model, but there may be. */
    public static Path flowOfFour(Path folder, long seed) {
        return mmdit(folder, seed, 4, "null", "[]");
    }

    /** Without T5, which it can do without. */
    private static Path mmdit(Path folder, long seed, int channels, String norm, String dual) {
        JsonNode config =
                json(folder.resolve("transformer/config.json"), """
                        {"_class_name": "SD3Transformer2DModel", "in_channels": %d, "out_channels": %d, "sample_size": 8,
                         "attention_head_dim": 8, "caption_projection_dim": 32, "joint_attention_dim": 96,
                         "num_attention_heads": 4, "num_layers": 2, "patch_size": 2, "pooled_projection_dim": 80,
                         "pos_embed_max_size": 24, "qk_norm": %s, "dual_attention_layers": %s}\
                        """.formatted(channels, channels, norm, dual));
        weights(
                folder.resolve("transformer/diffusion_pytorch_model.safetensors"),
                seed,
                p -> new MMDiT(MMDiT.Config.read(config), p));
        autoencoder(folder, channels, 4, channels == 16 ? 1.5305 : 0.13025, channels == 16 ? 0.0609 : 0);
        text(folder, "text_encoder", seed + 2, "CLIPTextModelWithProjection", 32, "quick_gelu");
        text(folder, "text_encoder_2", seed + 3, "CLIPTextModelWithProjection", 48, "gelu");
        json(folder.resolve("scheduler/scheduler_config.json"), """
                {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 3.0}\
                """);
        json(folder.resolve("model_index.json"), """
                {"_class_name": "StableDiffusion3Pipeline",
                 "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
                 "text_encoder": ["transformers", "CLIPTextModelWithProjection"],
                 "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
                 "text_encoder_3": [null, null], "tokenizer_3": [null, null],
                 "tokenizer": ["transformers", "CLIPTokenizer"], "tokenizer_2": ["transformers", "CLIPTokenizer"],
                 "transformer": ["diffusers", "SD3Transformer2DModel"], "vae": ["diffusers", "AutoencoderKL"]}\
                """);
        tokenizer(folder.resolve("tokenizer"));
        tokenizer(folder.resolve("tokenizer_2"));
        return folder;
    }

    private static void unet(Path folder, long seed, String text) {
        JsonNode config = json(folder.resolve("unet/config.json"), text);
        weights(
                folder.resolve("unet/diffusion_pytorch_model.safetensors"),
                seed,
                p -> new UNet(UNet.Config.read(config), p));
    }

    /** The same for all models whose latents are of one kind. */
    private static void autoencoder(Path folder, int channels, int levels, double scale, double shift) {
        JsonNode config = json(folder.resolve("vae/config.json"), """
                {"_class_name": "AutoencoderKL", "in_channels": 3, "out_channels": 3, "latent_channels": %d,
                 "block_out_channels": %s, "layers_per_block": 1, "norm_num_groups": 32, "sample_size": 16,
                 "down_block_types": %s, "up_block_types": %s, "scaling_factor": %s, "shift_factor": %s}\
                """.formatted(
                        channels,
                        Collections.nCopies(levels, 32),
                        Collections.nCopies(levels, "\"DownEncoderBlock2D\""),
                        Collections.nCopies(levels, "\"UpDecoderBlock2D\""),
                        scale,
                        shift));
        weights(
                folder.resolve("vae/diffusion_pytorch_model.safetensors"),
                Math.round(scale * 1e5),
                p -> new AutoencoderKl(AutoencoderKl.Config.read(config), p));
    }

    private static void text(Path folder, String part, long seed, String type, int width, String activation) {
        JsonNode config =
                json(folder.resolve(part).resolve("config.json"), """
                        {"architectures": ["%s"], "model_type": "clip_text_model", "vocab_size": 514,
                         "hidden_size": %d, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
                         "max_position_embeddings": 77, "hidden_act": "%s", "eos_token_id": 513, "bos_token_id": 512,
                         "projection_dim": %d}\
                        """.formatted(type, width, activation, width));
        weights(
                folder.resolve(part).resolve("model.safetensors"),
                seed,
                p -> new ClipText(ClipText.Config.read(config), p));
    }

    /** Norms at 1, biases at 0, weights random with gain 1; float16. */
    private static void weights(Path file, long seed, Consumer<Parameters> model) {
        try (TensorScope scope = TensorScope.open()) {
            SeededNoise noise = new SeededNoise(seed);
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            Parameters.declaredBy(model).forEach((name, shape) -> {
                double fanIn = 1;
                for (int i = 1; i < shape.length; i++) {
                    fanIn *= shape[i];
                }
                Tensor value = shape.length > 1
                        ? noise.draw(shape).times(1 / Math.sqrt(fanIn)).tensor()
                        : torch.full(shape, new Scalar(name.endsWith("weight") ? 1.0 : 0.0));
                tensors.put(name, value.to(torch.ScalarType.Half));
            });
            SafetensorsWriter.write(file, tensors);
        }
    }

    /** One token for each byte, and no merges. */
    private static void tokenizer(Path folder) {
        ObjectNode vocabulary = JSON.createObjectNode();
        for (String end : new String[] {"", "</w>"}) {
            for (int c = 0; c < 256; c++) {
                vocabulary.put(printable(c) + end, vocabulary.size());
            }
        }
        vocabulary.put("<|startoftext|>", 512).put("<|endoftext|>", 513);
        json(folder.resolve("vocab.json"), vocabulary.toString());
        json(folder.resolve("tokenizer_config.json"), """
                {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>",
                 "unk_token": "<|endoftext|>", "model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}\
                """);
        text(folder.resolve("merges.txt"), "#version: 0.2\n");
    }

    /** GPT-2's printable stand-in for a byte: itself, or for the n-th unprintable one the character 256 + n. */
    private static String printable(int b) {
        int unprintable = 0;
        for (int c = 0; c <= b; c++) {
            boolean prints = (c >= '!' && c <= '~') || (c >= 0xa1 && c <= 0xac) || c >= 0xae;
            if (c == b) {
                return Character.toString(prints ? c : 256 + unprintable);
            }
            unprintable += prints ? 0 : 1;
        }
        throw new IllegalArgumentException(b + " is no byte");
    }

    private static JsonNode json(Path file, String text) {
        text(file, text);
        return Kit.json(file);
    }

    private static void text(Path file, String text) {
        try {
            Files.createDirectories(file.getParent());
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
