package org.deltasampling.lab;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.mmdit.Blocks;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.unet.EncoderConfig;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Activation;
import org.deltasampling.tensor.Precision;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;

/** Writes trained models in the layouts of diffusers and kohya, as float16, and reads them for further training. */
final class ModelFiles {

    private static final String DIFFUSION = "diffusion_pytorch_model.safetensors";
    private static final ObjectMapper JSON = new ObjectMapper();

    private ModelFiles() {}

    /** Writes an autoencoder's folder. */
    static void writeAutoencoder(Path folder, AutoencoderKl.Config c, WeightSource weights) {
        ObjectNode config = diffusers("AutoencoderKL")
                .put("in_channels", 3)
                .put("out_channels", 3)
                .put("latent_channels", c.latents().channels())
                .put("layers_per_block", c.resnets())
                .put("norm_num_groups", c.groups())
                .put("sample_size", Drawing.SIZE)
                .put("scaling_factor", c.latents().scale())
                .put("shift_factor", c.latents().shift())
                .put("use_quant_conv", c.latents().quantConv())
                .put("use_post_quant_conv", c.latents().postQuantConv())
                .put("act_fn", "silu");
        config.set("block_out_channels", JSON.valueToTree(c.channels()));
        repeat(
                config.putArray("down_block_types"),
                "DownEncoderBlock2D",
                c.channels().size());
        repeat(
                config.putArray("up_block_types"),
                "UpDecoderBlock2D",
                c.channels().size());
        writeJson(folder.resolve("config.json"), config);
        write(folder.resolve(DIFFUSION), weights);
    }

    /** The weights in an autoencoder's folder as float32, owned by the current scope. */
    static WeightSource readAutoencoder(Path folder) {
        return read(Map.of("", folder.resolve(DIFFUSION)));
    }

    /** Its configuration, the scale included. */
    static AutoencoderKl.Config autoencoderConfig(Path folder) {
        try {
            return AutoencoderKl.Config.read(
                    JSON.readTree(folder.resolve("config.json").toFile()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes a text-to-image model's folder, without its autoencoder. */
    static void writeModel(Path folder, ModelKind kind, WeightSource weights) {
        writeJson(folder.resolve("model_index.json"), index(kind));
        writeJson(folder.resolve("scheduler/scheduler_config.json"), scheduler(kind));
        String network = kind.networkName();
        writeJson(folder.resolve(network).resolve("config.json"), network(kind.network()));
        write(folder.resolve(network).resolve(DIFFUSION), part(weights, network + "."));
        for (int i = 0; i < kind.texts().size(); i++) {
            String text = Checkpoint.textEncoder(i);
            writeJson(
                    folder.resolve(text).resolve("config.json"),
                    text(kind, kind.texts().get(i)));
            write(folder.resolve(text).resolve("model.safetensors"), part(weights, text + "."));
        }
        writeTokenizers(folder, kind);
    }

    /** Writes the folders of a model's tokenizers. */
    static void writeTokenizers(Path folder, ModelKind kind) {
        for (int i = 0; i < kind.texts().size(); i++) {
            kind.vocabulary().write(folder.resolve(tokenizer(i)), kind.pad(i));
        }
    }

    /** diffusers' name of tokenizer {@code index}. */
    static String tokenizer(int index) {
        return Checkpoint.textEncoder(index).replace("text_encoder", "tokenizer");
    }

    private static ObjectNode index(ModelKind kind) {
        SortedMap<String, List<String>> parts = new TreeMap<>();
        for (int i = 0; i < kind.texts().size(); i++) {
            parts.put(
                    Checkpoint.textEncoder(i),
                    List.of("transformers", textClass(kind.texts().get(i))));
            parts.put(tokenizer(i), List.of("transformers", "CLIPTokenizer"));
        }
        parts.put("scheduler", List.of("diffusers", schedulerClass(kind)));
        parts.put(kind.networkName(), List.of("diffusers", networkClass(kind.network())));
        parts.put("vae", List.of("diffusers", "AutoencoderKL"));
        ObjectNode index = diffusers(
                switch (kind) {
                    case SOURCE, TARGET -> "StableDiffusionPipeline";
                    case TARGET_XL -> "StableDiffusionXLPipeline";
                    case TARGET_SD3 -> "StableDiffusion3Pipeline";
                });
        if (kind.zeroForEmptyNegative()) {
            index.put("force_zeros_for_empty_prompt", true);
        }
        if (kind.autoencoder() == AutoencoderKind.SD) {
            index.put("requires_safety_checker", false);
        }
        parts.forEach((name, classes) -> index.set(name, JSON.valueToTree(classes)));
        if (kind.architecture().isFlow()) { // diffusers requires an entry for T5 even if there is none
            index.putArray("text_encoder_3").addNull().addNull();
            index.putArray("tokenizer_3").addNull().addNull();
        }
        return index;
    }

    /** Writes all of {@code weights} as float16. */
    static void write(Path file, WeightSource weights) {
        SafetensorsWriter.write(file, WeightSources.in(weights, Precision.FLOAT16), Map.of("format", "pt"));
    }

    /** What {@link #writeModel} wrote, under unet. and text_encoder., as float32, owned by the current scope. */
    static WeightSource readModel(Path folder) {
        return read(Map.of(
                "unet.", folder.resolve("unet").resolve(DIFFUSION),
                "text_encoder.", folder.resolve("text_encoder/model.safetensors")));
    }

    private static WeightSource read(Map<String, Path> files) {
        Map<String, Tensor> all = new TreeMap<>();
        files.forEach((prefix, path) -> {
            try (WeightFile file = WeightFile.open(path)) {
                // copied, whatever the precision: the file is closed when they are used
                file.names()
                        .forEach(name -> all.put(
                                prefix + name,
                                file.load(name).to(torch.ScalarType.Float).clone()));
            }
        });
        return WeightSources.of(all);
    }

    private static String schedulerClass(ModelKind kind) {
        return switch (kind) {
            case SOURCE, TARGET -> "DDIMScheduler";
            case TARGET_XL -> "EulerDiscreteScheduler";
            case TARGET_SD3 -> "FlowMatchEulerDiscreteScheduler";
        };
    }

    private static ObjectNode scheduler(ModelKind kind) {
        ObjectNode config = diffusers(schedulerClass(kind)).put("num_train_timesteps", 1000);
        if (kind.architecture().isFlow()) {
            return config.put("shift", DiffusionLoss.SHIFT);
        }
        return config.put("beta_start", 0.00085)
                .put("beta_end", 0.012)
                .put("beta_schedule", "scaled_linear")
                .put("prediction_type", kind.predicts() == Parameterization.V_PREDICTION ? "v_prediction" : "epsilon")
                .put("clip_sample", false)
                .put("set_alpha_to_one", false)
                .put("steps_offset", 1)
                .put("timestep_spacing", "leading");
    }

    private static String networkClass(Backbone.Config network) {
        return network instanceof MMDiT.Config ? "SD3Transformer2DModel" : "UNet2DConditionModel";
    }

    private static ObjectNode network(Backbone.Config network) {
        ObjectNode config = diffusers(networkClass(network))
                .put("in_channels", network.inChannels())
                .put("out_channels", network.outChannels())
                .put("sample_size", Drawing.SIZE / 8);
        if (network instanceof UNet.Config unet) {
            unet(config, unet);
        } else if (network instanceof MMDiT.Config transformer) {
            transformer(config, transformer);
        }
        return config;
    }

    private static void transformer(ObjectNode config, MMDiT.Config c) {
        Blocks blocks = c.blocks();
        config.put("patch_size", c.patch())
                .put("num_layers", blocks.count())
                .put("num_attention_heads", blocks.heads())
                .put("attention_head_dim", blocks.width() / blocks.heads())
                .put("joint_attention_dim", c.contextWidth())
                .put("caption_projection_dim", blocks.width())
                .put("pooled_projection_dim", c.pooledWidth())
                .put("pos_embed_max_size", c.patches().positions());
    }

    private static void unet(ObjectNode config, UNet.Config unet) {
        EncoderConfig c = unet.encoder();
        config.put("layers_per_block", c.resnets())
                .put("cross_attention_dim", c.contextWidth())
                .put("use_linear_projection", c.linearProjection())
                .put("norm_num_groups", c.groups().count())
                .put("norm_eps", c.groups().eps())
                .put("flip_sin_to_cos", c.sinusoids().cosinesFirst())
                .put("freq_shift", (int) c.sinusoids().shift())
                .put("act_fn", "silu");
        ArrayNode channels = config.putArray("block_out_channels");
        ArrayNode heads = config.putArray("attention_head_dim");
        ArrayNode depth = config.putArray("transformer_layers_per_block");
        ArrayNode down = config.putArray("down_block_types");
        ArrayNode up = config.putArray("up_block_types");
        unet.attentionUp().forEach(attention -> up.insert(0, attention ? "CrossAttnUpBlock2D" : "UpBlock2D"));
        for (EncoderConfig.Level level : c.levels()) {
            channels.add(level.channels());
            heads.add(level.heads());
            depth.add(level.depth());
            down.add(level.attention() ? "CrossAttnDownBlock2D" : "DownBlock2D");
        }
        EncoderConfig.AddedEmbedding added = c.added();
        if (added != null) {
            config.put("addition_embed_type", "text_time")
                    .put("addition_time_embed_dim", added.sizeWidth())
                    .put("projection_class_embeddings_input_dim", added.width());
        }
    }

    private static String textClass(ClipText.Config c) {
        return c.projection() == 0 ? "CLIPTextModel" : "CLIPTextModelWithProjection";
    }

    private static ObjectNode text(ModelKind kind, ClipText.Config c) {
        ObjectNode config = JSON.createObjectNode()
                .put("model_type", "clip_text_model")
                .put("vocab_size", c.text().vocabulary())
                .put("max_position_embeddings", c.text().length())
                .put("hidden_size", c.layers().width())
                .put("intermediate_size", c.layers().inner())
                .put("num_hidden_layers", c.layers().count())
                .put("num_attention_heads", c.layers().heads())
                .put("hidden_act", c.layers().activation() == Activation.GELU ? "gelu" : "quick_gelu")
                .put("layer_norm_eps", c.layers().eps())
                .put("bos_token_id", kind.vocabulary().start())
                .put("eos_token_id", kind.vocabulary().end());
        if (c.projection() > 0) {
            config.put("projection_dim", c.projection());
        }
        config.putArray("architectures").add(textClass(c));
        return config;
    }

    private static ObjectNode diffusers(String name) {
        return JSON.createObjectNode().put("_class_name", name);
    }

    private static void repeat(ArrayNode array, String value, int count) {
        Stream.generate(() -> value).limit(count).forEach(array::add);
    }

    private static void writeJson(Path file, ObjectNode json) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.writeString(
                    file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json) + System.lineSeparator());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + file, e);
        }
    }

    /** The tensors whose names begin with {@code prefix}, under the rest of their names. */
    private static WeightSource part(WeightSource weights, String prefix) {
        return WeightSources.renamed(
                weights,
                weights.names().stream()
                        .filter(name -> name.startsWith(prefix))
                        .collect(Collectors.toMap(name -> name.substring(prefix.length()), name -> name)));
    }
}
