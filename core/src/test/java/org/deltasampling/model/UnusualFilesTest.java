package org.deltasampling.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files as programs leave them: with more in them than a model needs, with less, or with other names. */
@ExtendWith(NoLeaks.class)
class UnusualFilesTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    /** A whole model of that family as a single file whose tensors {@code change} is given first. */
    private Path single(Architecture family, Consumer<Map<String, Tensor>> change) {
        Path file = folder.resolve("single.safetensors");
        // a single file of XL does not say how wide the embedding of its sizes is: those of the miniature are no file's
        Path whole = family == Architecture.SDXL
                ? Kit.at("pipe-sdxl").folder().resolve("model")
                : TinyModels.of(family, folder.resolve("model"), 1);
        try (Checkpoint model = Checkpoint.open(whole);
                TensorScope scope = TensorScope.open()) {
            WeightSource original = model.inOriginalLayout();
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            original.names().forEach(name -> tensors.put(name, original.load(name)));
            change.accept(tensors);
            SafetensorsWriter.write(file, tensors);
        }
        return file;
    }

    private static void rename(Map<String, Tensor> tensors, UnaryOperator<String> change) {
        Map<String, Tensor> renamed = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> renamed.put(change.apply(name), tensor));
        tensors.clear();
        tensors.putAll(renamed);
    }

    private static void assertRefused(Path path, String... words) {
        assertThatThrownBy(() -> Checkpoint.open(path).close())
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContainingAll(words);
    }

    @ParameterizedTest
    @CsvSource({
        "SD1, cond_stage_model.clip_l.logit_scale cond_stage_model.clip_l.text_projection cond_stage_model.logit_scale"
                + " cond_stage_model.transformer.text_model.embeddings.position_ids"
                + " cond_stage_model.transformer.text_projection.weight",
        "SD1, model_ema.decay model_ema.diffusion_modelout2bias first_stage_model.loss.logvar loss.logvar betas"
                + " first_stage_model.model_ema.num_updates alphas_cumprod global_step",
        "SD2, cond_stage_model.clip_h.logit_scale cond_stage_model.model.attn_mask cond_stage_model.model.logit_scale",
        "SDXL, conditioner.embedders.0.logit_scale conditioner.embedders.0.text_projection"
                + " conditioner.embedders.1.logit_scale conditioner.embedders.1.model.logit_scale denoiser.sigmas",
        "SD3, text_encoders.clip_l.logit_scale text_encoders.clip_l.transformer.text_projection.weight"
                + " text_encoders.clip_g.logit_scale text_encoders.clip_g.text_projection"
                + " text_encoders.clip_l.transformer.text_model.embeddings.position_ids",
    })
    void leftoversAreNotRead(Architecture family, String leftovers) {
        Path plain = single(family, tensors -> {});
        Map<String, WeightSource> expected = new TreeMap<>();
        try (Checkpoint model = Checkpoint.open(plain)) {
            model.parts().forEach((name, part) -> expected.put(name, part.weights()));
            Map<String, List<String>> names = new TreeMap<>();
            expected.forEach((name, weights) -> names.put(name, List.copyOf(weights.names())));
            Path full = single(family, tensors -> {
                for (String leftover : leftovers.split(" ", -1)) {
                    tensors.put(leftover, torch.full(new long[] {3}, new Scalar(4.6)));
                }
            });
            try (Checkpoint other = Checkpoint.open(full)) {
                assertThat(other.check().passed()).isTrue();
                other.parts()
                        .forEach((name, part) ->
                                assertThat(part.weights().names()).as(name).hasSameElementsAs(names.get(name)));
            }
        }
    }

    /** They are applied or refused: never ignored. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "model.diffusion_model.out.2.weight_scale",
                "model.diffusion_model.input_blocks.1.1.proj_in.comfy_quant",
                "model.diffusion_model.extra.weight",
                "cond_stage_model.transformer.text_model.extra",
                "extra.weight",
            })
    void namesThatMayMeanSomethingAreRefused(String name) {
        assertRefused(single(Architecture.SD1, tensors -> tensors.put(name, torch.ones(2))), name);
    }

    @Test
    void moreInputChannelsAreAnotherKindOfModel() {
        Path inpainting = single(
                Architecture.SD1,
                tensors -> tensors.computeIfPresent(
                        "model.diffusion_model.input_blocks.0.0.weight", (name, w) -> torch.ones(w.size(0), 9, 3, 3)));
        assertRefused(inpainting, "reads 9 channels rather than 4");
    }

    @Test
    void averagedWeightsAloneAreCalledSo() {
        Path averaged = single(
                Architecture.SD1,
                tensors -> rename(
                        tensors,
                        name -> name.startsWith("model.")
                                ? "model_ema."
                                        + name.substring("model.".length()).replace(".", "")
                                : name));
        assertRefused(
                averaged,
                "is a checkpoint that has a VAE and a text encoder and only averaged weights (model_ema) of the UNet");
    }

    @ParameterizedTest
    @CsvSource({"SD1, diffusion_model.", "SD3, diffusion_model.", "SD1, ''", "SDXL, ''", "SD3, ''"})
    void aNetworkWithoutItsUsualPrefixIsRead(Architecture family, String prefix) {
        String usual = "model.diffusion_model.";
        Path file = single(
                family,
                tensors -> rename(
                        tensors, name -> name.startsWith(usual) ? prefix + name.substring(usual.length()) : name));
        try (Checkpoint model = Checkpoint.open(file)) {
            assertThat(model.architecture()).isEqualTo(family);
            assertThat(model.requireWhole().check().passed()).isTrue();
        }
    }

    @Test
    void aNetworkAloneWithoutItsPrefixLacksTheOtherParts() {
        Path bare = single(Architecture.SD3, tensors -> {
            tensors.keySet().removeIf(name -> !name.startsWith("model.diffusion_model."));
            rename(tensors, name -> name.substring("model.diffusion_model.".length()));
        });
        try (Checkpoint model = Checkpoint.open(bare)) {
            assertThatThrownBy(model::requireWhole).hasMessageContaining("has no autoencoder (VAE)");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "first_stage_model., an autoencoder (VAE) alone",
        "first_stage_model.decoder., the decoder of a VAE without its encoder",
        "cond_stage_model., a text encoder alone",
        "'first_stage_model. cond_stage_model.', 'a VAE and a text encoder, without a denoising network'",
    })
    void partsAreCalledWhatTheyAre(String prefixes, String title) {
        List<String> kept = List.of(prefixes.split(" ", -1));
        Path file = single(
                Architecture.SD1,
                tensors -> tensors.keySet().removeIf(name -> kept.stream().noneMatch(name::startsWith)));
        assertRefused(file, "single.safetensors is " + title);
    }

    @Test
    void halfAnAutoencoderIsNamed() {
        Path half = folder.resolve("half.safetensors");
        Path bare = single(Architecture.SD1, tensors -> {
            String vae = "first_stage_model.";
            Map<String, Tensor> decoder = new LinkedHashMap<>();
            tensors.forEach((name, tensor) -> {
                if (name.startsWith(vae + "decoder") || name.startsWith(vae + "post")) {
                    decoder.put(name.substring(vae.length()), tensor);
                }
            });
            SafetensorsWriter.write(half, decoder);
            tensors.keySet().removeIf(name -> name.startsWith(vae));
        });
        assertThatThrownBy(() ->
                        Checkpoint.open(bare, new ModelOverrides(half, null)).close())
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining(
                        "half.safetensors has the decoder of an autoencoder (VAE), and the encoder half is missing");
        assertThatThrownBy(() ->
                        Checkpoint.open(bare, new ModelOverrides(bare, null)).close())
                .hasMessageContaining("where an autoencoder (VAE) is wanted");
    }

    @Test
    void aFileWhoseWeightsDoNotFitIsTheOneThatIsNamed() {
        Path vae = folder.resolve("vae.safetensors");
        Path model = TinyModels.sd1(folder.resolve("model"), 1);
        try (WeightFile file = WeightFile.open(model.resolve("vae/diffusion_pytorch_model.safetensors"));
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            file.names().forEach(name -> tensors.put(name, file.load(name)));
            tensors.remove("decoder.conv_out.bias");
            SafetensorsWriter.write(vae, tensors);
        }
        assertThatThrownBy(() ->
                        Checkpoint.open(model, new ModelOverrides(vae, null)).close())
                .hasMessageStartingWith(vae + " does not fit its model: 1 weight is missing: decoder.conv_out.bias");
    }

    @ParameterizedTest
    @CsvSource({
        "SD3, text_encoder text_encoder_2, has no text encoders",
        "SD3, text_encoder, has 1 of its 2 text encoders",
        "SD1, text_encoder, has no text encoder:",
        "SDXL, text_encoder text_encoder_2, has no text encoders",
        "SDXL, text_encoder_2, has 1 of its 2 text encoders",
    })
    void aFolderWithoutTextEncodersSaysSo(Architecture family, String missing, String words) throws IOException {
        Path model = TinyModels.of(family, folder.resolve("model"), 1);
        setNull(model, missing);
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            assertThatThrownBy(checkpoint::requireWhole)
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining(words);
        }
    }

    @Test
    void anXlFolderWithTheSecondTextEncoderAloneIsARefiner() throws IOException {
        Path model = TinyModels.of(Architecture.SDXL, folder.resolve("model"), 1);
        setNull(model, "text_encoder");
        assertRefused(model, "is a Stable Diffusion XL refiner");
    }

    private static void setNull(Path model, String parts) throws IOException {
        Path file = model.resolve("model_index.json");
        ObjectNode index = (ObjectNode) Kit.json(file);
        for (String part : parts.split(" ", -1)) {
            index.putArray(part).addNull().addNull();
        }
        JSON.writeValue(file.toFile(), index);
    }

    /** Numbers that no model has, and structure that its files do not hold: each ends in a sentence, at once. */
    @ParameterizedTest
    @CsvSource({
        "vae, layers_per_block, 2147483647, layers_per_block is 2147483647 where a whole number from 1",
        "vae, layers_per_block, 9000000, describes a model of more than",
        "vae, layers_per_block, 0, layers_per_block is 0",
        "vae, norm_num_groups, 0, norm_num_groups is 0",
        "vae, norm_num_groups, 7, 32 channels cannot be divided into 7 groups",
        "vae, scaling_factor, 0, scaling_factor is 0 where a number above 0",
        "vae, scaling_factor, 1e300, scaling_factor is 1.0E300",
        "vae, scaling_factor, NaN, scaling_factor is \"NaN\" where a number above 0",
        "vae, shift_factor, '\"much\"', shift_factor is \"much\" where a number",
        "vae, block_out_channels, [], block_out_channels is [] where a list",
        "vae, latent_channels, -4, latent_channels is -4",
        "vae, in_channels, 4, in_channels is 4",
        "unet, attention_head_dim, 0, attention_head_dim is 0",
        "unet, attention_head_dim, 5, channels cannot be divided into 5 heads",
        "unet, block_out_channels, '[32, 9000000000]', block_out_channels is 9000000000",
        "unet, layers_per_block, 9000000, describes a model of more than",
        "unet, transformer_layers_per_block, 9000000, describes a model of more than",
        "unet, freq_shift, 16, a sinusoidal embedding cannot be 32 wide",
        "unet, norm_eps, -1, norm_eps is -1 where a number above 0",
        "unet, sample_size, '\"big\"', sample_size is \"big\"",
        "unet, _class_name, '\"AVeryLongNameAVeryLongNameAVeryLongNameAVeryLongNameAVeryLongNameAVeryLongNameAVeryLongNameAVeryLong\"', AVeryLon...",
        "text_encoder, num_attention_heads, 3, 32 channels cannot be divided into 3 heads",
        "text_encoder, num_hidden_layers, 9000000, describes a model of more than",
        "text_encoder, vocab_size, 1e3, vocab_size is 1000.0",
    })
    void configsAreCheckedForRange(String part, String key, String value, String words) throws IOException {
        Path model = TinyModels.sd1(folder.resolve("model"), 1);
        Path file = model.resolve(part).resolve("config.json");
        ObjectNode config = (ObjectNode) Kit.json(file);
        config.remove(key);
        String others = config.toString();
        Files.writeString(file, others.substring(0, others.length() - 1) + ", \"%s\": %s}".formatted(key, value));
        assertRefused(model, model.toString(), words);
    }

    /** Where numbers are written in other digits, names of weights are not. */
    @ParameterizedTest
    @EnumSource(
            value = Architecture.class,
            names = {"SD1", "SD2", "SD35_MEDIUM"})
    void theLanguageOfTheSystemChangesNothing(Architecture family) {
        Path file = single(family, tensors -> {});
        Locale usual = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
        try {
            assertThat("%d".formatted(1)).isNotEqualTo("1");
            try (Checkpoint model = Checkpoint.open(file);
                    Checkpoint whole = Checkpoint.open(folder.resolve("model"))) {
                assertThat(model.architecture()).isEqualTo(family);
                assertThat(model.parts().keySet())
                        .containsExactlyElementsOf(whole.parts().keySet());
                Tokenizers.of(whole);
            }
        } finally {
            Locale.setDefault(usual);
        }
    }

    @Test
    void settingsOfThePipelineAreChecked() throws IOException {
        Path model = TinyModels.of(Architecture.SDXL, folder.resolve("model"), 1);
        JsonNode index = Kit.json(model.resolve("model_index.json"));
        Path file = model.resolve("model_index.json");
        Files.writeString(file, index.toString().replace("prompt\":true", "prompt\":\"yes\""));
        assertRefused(model, "model_index.json cannot be used: force_zeros_for_empty_prompt is \"yes\"");
        Files.writeString(file, "[]");
        assertRefused(model, "model_index.json is not a JSON object");
    }

    @Test
    void aTokenizerOfAnotherTextEncoderIsRefused() throws IOException {
        Path model = TinyModels.sd1(folder.resolve("model"), 1);
        Files.writeString(model.resolve("tokenizer/added_tokens.json"), "{\"<my-style>\": 1500}");
        assertTokenizersRefused(model, "has the token \"<my-style>\" as 1500, and its text encoder has 514 rows");
        Files.delete(model.resolve("tokenizer/added_tokens.json"));
        Path config = model.resolve("tokenizer/tokenizer_config.json");
        Files.writeString(config, Files.readString(config).replace("77", "154"));
        assertTokenizersRefused(
                model, "makes 154 ids of a prompt (model_max_length), and its text encoder reads at most 77");
        try (var files = Files.list(model.resolve("tokenizer"))) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(model.resolve("tokenizer"));
        assertTokenizersRefused(
                model,
                "has no folder tokenizer, and its text encoder has 514 rows where CLIP's usual tokenizer has 49408 tokens");
    }

    private static void assertTokenizersRefused(Path model, String words) {
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            assertThatThrownBy(() -> Tokenizers.of(checkpoint))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining(words);
        }
    }
}
