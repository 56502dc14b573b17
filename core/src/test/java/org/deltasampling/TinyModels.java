package org.deltasampling;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.clip.ClipText;
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

    /** A folder in the layout of SD-1: epsilon, convolutions in and out of its transformers; pictures shrink by 2. */
    public static Path sd1(Path folder, long seed) {
        return write(folder, seed, 32, "quick_gelu", false, "4", "epsilon");
    }

    /** A folder in the layout of SD-2: v-prediction, linear projections, another text width. */
    public static Path sd2(Path folder, long seed) {
        return write(folder, seed, 48, "gelu", true, "[2, 4]", "v_prediction");
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

    private static Path write(
            Path folder, long seed, int context, String activation, boolean linear, String heads, String prediction) {
        JsonNode unet = json(folder.resolve("unet/config.json"), """
                {"_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, "sample_size": 8,
                 "block_out_channels": [32, 64], "layers_per_block": 1, "cross_attention_dim": %d,
                 "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
                 "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
                 "attention_head_dim": %s, "use_linear_projection": %s}""".formatted(context, heads, linear));
        JsonNode vae = json(folder.resolve("vae/config.json"), """
                {"_class_name": "AutoencoderKL", "in_channels": 3, "out_channels": 3, "latent_channels": 4,
                 "block_out_channels": [32, 32], "layers_per_block": 1, "norm_num_groups": 32, "sample_size": 16,
                 "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"],
                 "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"], "scaling_factor": 0.18215}""");
        JsonNode text = json(folder.resolve("text_encoder/config.json"), """
                {"architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "vocab_size": 514,
                 "hidden_size": %d, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
                 "max_position_embeddings": 77, "hidden_act": "%s", "eos_token_id": 513, "bos_token_id": 512}""".formatted(context, activation));
        json(folder.resolve("scheduler/scheduler_config.json"), """
                {"_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012,
                 "beta_schedule": "scaled_linear", "num_train_timesteps": 1000, "prediction_type": "%s",
                 "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1,
                 "timestep_spacing": "leading"}""".formatted(prediction));
        json(folder.resolve("model_index.json"), """
                {"_class_name": "StableDiffusionPipeline", "scheduler": ["diffusers", "DDIMScheduler"],
                 "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
                 "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}""");
        tokenizer(folder.resolve("tokenizer"));
        weights(
                folder.resolve("unet/diffusion_pytorch_model.safetensors"),
                seed,
                p -> new UNet(UNet.Config.read(unet), p));
        weights(
                folder.resolve("vae/diffusion_pytorch_model.safetensors"),
                seed + 1,
                p -> new AutoencoderKl(AutoencoderKl.Config.read(vae), p));
        weights(
                folder.resolve("text_encoder/model.safetensors"),
                seed + 2,
                p -> new ClipText(ClipText.Config.read(text), p));
        return folder;
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
                 "unk_token": "<|endoftext|>", "model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}""");
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
