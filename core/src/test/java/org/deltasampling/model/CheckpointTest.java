package org.deltasampling.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.deltasampling.diffusion.FlowSchedule;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.Spacing;
import org.deltasampling.model.unet.EncoderConfig;
import org.deltasampling.nn.Activation;
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
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(NoLeaks.class)
class CheckpointTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"pipe-sd1, SD1, EPSILON", "pipe-sd2, SD2, V_PREDICTION", "pipe-sdxl, SDXL, EPSILON"})
    void aFolderAndItsOriginalLayoutAreTheSameModel(String kit, Architecture family, Parameterization prediction) {
        Path single = folder.resolve("single.safetensors");
        try (Checkpoint original = Checkpoint.open(model(kit))) {
            assertThat(original.architecture()).isEqualTo(family);
            assertThat(original.requireWhole()).isSameAs(original);
            assertThat(original.files()).hasSameSizeAs(original.parts().keySet());
            assertThat(original.tokenizer(0)).contains(model(kit).resolve("tokenizer"));
            assertThat(original.scheduler().parameterization()).isEqualTo(prediction);
            SafetensorsWriter.write(
                    single,
                    original.inOriginalLayout(),
                    Map.of("modelspec.prediction_type", prediction.name().toLowerCase(Locale.ROOT)));
            try (Checkpoint written = Checkpoint.open(single)) {
                assertThat(written.architecture()).isEqualTo(family);
                assertThat(written.unet().config()).isEqualTo(original.unet().config());
                assertThat(written.vae().config()).isEqualTo(original.vae().config());
                assertThat(written.parts().keySet())
                        .containsExactlyElementsOf(original.parts().keySet());
                assertThat(activations(written)).isEqualTo(activations(original));
                assertThat(written.zeroForEmptyNegative()).isEqualTo(original.zeroForEmptyNegative());
                assertThat(written.scheduler().parameterization()).isEqualTo(prediction);
                assertThat(written.tokenizer(0)).isEmpty();
                original.parts()
                        .forEach((name, part) -> assertSame(
                                part.weights(),
                                Objects.requireNonNull(written.parts().get(name))
                                        .weights()));
            }
        }
    }

    @Test
    void theLastLayerOfAWholeOpenClipIsNotUsed() {
        Path single = folder.resolve("single.safetensors");
        String layers = "cond_stage_model.model.transformer.resblocks.";
        try (Checkpoint original = Checkpoint.open(model("pipe-sd2"));
                TensorScope scope = TensorScope.open()) {
            WeightSource spelled = original.inOriginalLayout();
            Map<String, Tensor> tensors = loaded(spelled);
            spelled.names().stream()
                    .filter(n -> n.startsWith(layers + "3."))
                    .forEach(n -> tensors.put(n.replace(layers + "3.", layers + "4."), spelled.load(n)));
            tensors.put("cond_stage_model.model.text_projection", torch.zeros(64, 64));
            tensors.put("cond_stage_model.model.logit_scale", torch.zeros(new long[0]));
            tensors.put("model_ema.decay", torch.zeros(new long[0]));
            tensors.put("betas", torch.zeros(1000));
            SafetensorsWriter.write(single, tensors);
            try (Checkpoint written = Checkpoint.open(single)) {
                assertThat(written.text().config().layers().count()).isEqualTo(4);
                assertSame(original.text().weights(), written.text().weights());
            }
        }
    }

    /** As diffusers' script writes a small model: decoder levels down from 3, a text encoder without text_model. */
    @Test
    void aSmallModelOutOfDiffusersScriptIsRead() {
        Path single = folder.resolve("single.safetensors");
        try (Checkpoint original = Checkpoint.open(model("pipe-sd1"));
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            loaded(original.inOriginalLayout()).forEach((name, tensor) -> {
                String renamed = name.replace("decoder.up.2.", "decoder.up.3.")
                        .replace("decoder.up.1.", "decoder.up.2.")
                        .replace("decoder.up.0.", "decoder.up.1.")
                        .replace("transformer.text_model.", "transformer.");
                tensors.put(renamed, tensor);
            });
            SafetensorsWriter.write(single, tensors);
            try (Checkpoint written = Checkpoint.open(single)) {
                assertSame(original.vae().weights(), written.vae().weights());
                assertSame(original.text().weights(), written.text().weights());
            }
        }
    }

    /** ComfyUI's rule: see {@link Architecture#predictsVelocity}. */
    @ParameterizedTest
    @CsvSource({"0.05, EPSILON", "0.12, V_PREDICTION"})
    void whatAFileWithoutAConfigPredictsIsReadOffItsLastNorm(double deviation, Parameterization prediction) {
        Path single = folder.resolve("single.safetensors");
        String bias = "model.diffusion_model.output_blocks.3.1.transformer_blocks.0.norm1.bias";
        try (Checkpoint original = Checkpoint.open(model("pipe-sd2"));
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = loaded(original.inOriginalLayout());
            assertThat(tensors).containsKey(bias);
            Tensor sign = torch.arange(new Scalar(64))
                    .remainder(new Scalar(2))
                    .mul(new Scalar(2))
                    .sub(new Scalar(1));
            tensors.put(bias, sign.mul(new Scalar(deviation)).to(torch.ScalarType.Half));
            SafetensorsWriter.write(single, tensors);
            try (Checkpoint written = Checkpoint.open(single)) {
                assertThat(written.scheduler().parameterization()).isEqualTo(prediction);
            }
        }
    }

    /** Fine-tunes of XL carry empty tensors that say how they were trained. */
    @ParameterizedTest
    @CsvSource({"'', EPSILON, false", "v_pred, V_PREDICTION, false", "v_pred ztsnr, V_PREDICTION, true"})
    void aSingleXlFileSaysHowItWasTrained(String marks, Parameterization prediction, boolean zeroTerminalSnr) {
        Path single = folder.resolve("single.safetensors");
        try (Checkpoint original = Checkpoint.open(model("pipe-sdxl"));
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = loaded(original.inOriginalLayout());
            Stream.of(marks.split(" ", -1)).filter(m -> !m.isEmpty()).forEach(m -> tensors.put(m, torch.zeros(0)));
            SafetensorsWriter.write(single, tensors);
            try (Checkpoint written = Checkpoint.open(single)) {
                SchedulerConfig scheduler = written.scheduler();
                assertThat(written.scheduler().parameterization()).isEqualTo(prediction);
                assertThat(scheduler.trained().highest() > 4000).isEqualTo(zeroTerminalSnr);
                assertThat(scheduler.placement().timestepSpacing())
                        .isEqualTo(zeroTerminalSnr ? Spacing.TRAILING : Spacing.LEADING);
                assertThat(written.vae().config().latents().scale()).isEqualTo(0.13025);
            }
        }
    }

    @Test
    void whatIsLikeXlAndIsNotIsCalledWhatItIs() throws IOException {
        Path single = folder.resolve("single.safetensors");
        try (Checkpoint original = Checkpoint.open(model("pipe-sdxl"));
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = loaded(original.inOriginalLayout());
            tensors.put("edm_mean", torch.zeros(1));
            SafetensorsWriter.write(single, tensors);
            assertRefused(single, "Playground");
            tensors.remove("edm_mean");
            tensors.put("conditioner.embedders.0.model.ln_final.weight", torch.zeros(64));
            SafetensorsWriter.write(single, tensors);
            assertRefused(single, "refiner");
        }
        Path copy = folder.resolve("model");
        Kit.copy(model("pipe-sdxl"), copy);
        Kit.copy(model("pipe-sd2").resolve("text_encoder"), copy.resolve("text_encoder"));
        assertRefused(copy, "take all parts from the same model");
    }

    @ParameterizedTest
    @CsvSource({"pipe-sd3, SD3, float16", "pipe-sd35m, SD35_MEDIUM, float8"})
    void anSd3FolderAndItsOriginalLayoutAreTheSameModel(String kit, Architecture family, String precision) {
        Path single = folder.resolve("single.safetensors");
        try (Checkpoint original = Checkpoint.open(model(kit));
                TensorScope scope = TensorScope.open()) {
            assertThat(original.architecture()).isEqualTo(family);
            assertThat(original.parts().keySet())
                    .containsExactly("transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3");
            assertThat(original.t5Tokenizer()).isEqualTo(model(kit).resolve("tokenizer_3"));
            boolean eight = precision.equals("float8");
            Map<String, Tensor> tensors = loaded(original.inOriginalLayout());
            tensors.replaceAll((name, tensor) -> eight ? tensor.to(torch.ScalarType.Float8_e4m3fn) : tensor);
            SafetensorsWriter.write(single, tensors);
            try (Checkpoint written = Checkpoint.open(single)) {
                assertThat(written.architecture()).isEqualTo(family);
                assertThat(written.parts().keySet())
                        .containsExactlyElementsOf(original.parts().keySet());
                assertThat(written.vae().config()).isEqualTo(original.vae().config());
                assertThat(written.scheduler()).isEqualTo(SchedulerConfig.flow(FlowSchedule.shifted(1000, 3), null));
                // the pooled output of CLIP ViT-L is not projected in SD-3's files
                assertThat(written.text().config().projection()).isZero();
                assertThat(written.texts().get(1).config().projection()).isEqualTo(48);
                for (String part : List.of("transformer", "vae", "text_encoder_2", "text_encoder_3")) {
                    WeightSource ours =
                            Objects.requireNonNull(written.parts().get(part)).weights();
                    WeightSource theirs =
                            Objects.requireNonNull(original.parts().get(part)).weights();
                    assertThat(ours.names()).containsExactlyInAnyOrderElementsOf(theirs.names());
                    if (!eight) {
                        assertSame(theirs, ours);
                    }
                }
            }
        }
    }

    @Test
    void textEncodersBesideACheckpointAreTaken() throws IOException {
        Path single = folder.resolve("sd3.safetensors");
        try (Checkpoint original = Checkpoint.open(model("pipe-sd35m"));
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> all = loaded(original.inOriginalLayout());
            Map<String, Tensor> bare = new LinkedHashMap<>(all);
            bare.keySet().removeIf(name -> name.startsWith("text_encoders."));
            SafetensorsWriter.write(single, bare);
            try (Checkpoint alone = Checkpoint.open(single)) {
                assertThatThrownBy(alone::requireWhole).hasMessageContaining("has no text encoders");
            }
            Path beside = Files.createDirectories(folder.resolve("text_encoders"));
            for (String encoder : List.of("clip_l", "clip_g", "t5xxl")) {
                String prefix = "text_encoders." + encoder + ".transformer.";
                Map<String, Tensor> own = new LinkedHashMap<>();
                all.forEach((name, tensor) -> {
                    if (name.startsWith(prefix)) {
                        own.put(name.substring(prefix.length()), tensor);
                    }
                });
                SafetensorsWriter.write(beside.resolve(encoder + "_fp16.safetensors"), own);
            }
            try (Checkpoint whole = Checkpoint.open(single)) {
                assertThat(whole.requireWhole().files()).hasSize(4);
                assertThat(whole.parts().keySet())
                        .containsExactlyElementsOf(original.parts().keySet());
                assertThatThrownBy(whole::t5Tokenizer)
                        .isInstanceOf(BadWeightsException.class)
                        .hasMessageContaining("spiece.model");
            }
            Files.createDirectories(folder.resolve("tokenizer_3"));
            try (Checkpoint whole = Checkpoint.open(single)) {
                assertThat(whole.t5Tokenizer()).isEqualTo(folder.resolve("tokenizer_3"));
            }
        }
    }

    @Test
    void shardsAndVariantsAreFound() throws IOException {
        Path copy = folder.resolve("model");
        Kit.copy(model("pipe-sd1"), copy);
        Files.move(
                copy.resolve("vae/diffusion_pytorch_model.safetensors"),
                copy.resolve("vae/diffusion_pytorch_model.fp16.safetensors"));
        Files.copy(
                copy.resolve("text_encoder/model.safetensors"), copy.resolve("text_encoder/model.non_ema.safetensors"));
        split(copy.resolve("unet"), "diffusion_pytorch_model");
        try (Checkpoint original = Checkpoint.open(model("pipe-sd1"));
                Checkpoint other = Checkpoint.open(copy)) {
            assertThat(other.files())
                    .extracting(p -> p.getFileName().toString())
                    .containsExactly(
                            "diffusion_pytorch_model-00001-of-00002.safetensors",
                            "diffusion_pytorch_model-00002-of-00002.safetensors",
                            "diffusion_pytorch_model.fp16.safetensors",
                            "model.safetensors");
            original.parts()
                    .forEach((name, part) -> assertSame(
                            part.weights(),
                            Objects.requireNonNull(other.parts().get(name)).weights()));
        }
        Files.delete(copy.resolve("unet/diffusion_pytorch_model-00002-of-00002.safetensors"));
        assertRefused(copy, "00002-of-00002.safetensors does not exist");
    }

    @Test
    void aUnetAloneIsAPartialModel() {
        Path unet = model("pipe-sd1").resolve("unet/diffusion_pytorch_model.safetensors");
        try (Checkpoint checkpoint = Checkpoint.open(unet)) {
            assertThat(checkpoint.unet().config().encoder().levels())
                    .extracting(EncoderConfig.Level::channels)
                    .containsExactly(32L, 64L, 64L);
            assertThatThrownBy(checkpoint::requireWhole)
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("has no autoencoder (VAE)");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "pipe-sd1/model/vae/diffusion_pytorch_model.safetensors | an autoencoder (VAE) alone",
                "pipe-sd1/model/text_encoder/model.safetensors | a text encoder alone",
                "pipe-sd3/model/text_encoder_3/model.safetensors | a text encoder alone",
                "delta-sdxl-sd1-lora/lora.safetensors | a LoRA: name it under target.adapters",
                "lycoris-lokr/adapter.safetensors | a LyCORIS adapter",
                "controlnet-sd1/controlnet/diffusion_pytorch_model.safetensors | a ControlNet",
                "ip-adapter-sd1/ip-adapter.safetensors | an IP-Adapter",
                "pipe-sd1 | no model_index.json",
                "clip-l/io.safetensors | not a model that is known here",
            })
    void whatIsNoModelIsCalledWhatItIs(String example) {
        List<String> words = Stream.of(example.split(" \\| ", -1)).toList();
        assertRefused(Kit.root().resolve(words.get(0)), words.get(1));
    }

    @Test
    void oneMessageNamesAllThatIsWrong() {
        Path single = folder.resolve("broken.safetensors");
        try (Checkpoint original = Checkpoint.open(model("pipe-sd1"));
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = loaded(original.inOriginalLayout());
            Tensor bias = Objects.requireNonNull(tensors.remove("model.diffusion_model.out.2.bias"));
            tensors.put("model.diffusion_model.out.2.bais", bias);
            tensors.put("first_stage_model.decoder.conv_out.bias", torch.zeros(4));
            tensors.put("training.step", torch.zeros(1));
            SafetensorsWriter.write(single, tensors);
        }
        assertThatThrownBy(() -> Checkpoint.open(single))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("broken.safetensors does not fit its model")
                .hasMessageContaining(
                        "1 weight is missing: model.diffusion_model.out.2.bias (the nearest is model.diffusion_model.out.2.bais)")
                .hasMessageContaining("first_stage_model.decoder.conv_out.bias is [4] where [3] is needed")
                .hasMessageContaining("training.step");
    }

    @Test
    void anIncompleteFolderSaysWhatIsMissing() throws IOException {
        Path copy = folder.resolve("model");
        Kit.copy(model("pipe-sd1"), copy);
        Files.delete(copy.resolve("vae/config.json"));
        assertRefused(copy, "vae/config.json is missing");
        Kit.copy(model("pipe-sd1"), copy);
        Files.delete(copy.resolve("vae/diffusion_pytorch_model.safetensors"));
        assertRefused(copy, "there is no diffusion_pytorch_model.safetensors in vae");
        Files.writeString(copy.resolve("unet/config.json"), "{");
        assertRefused(copy, "not valid JSON");
    }

    private static void assertRefused(Path path, String words) {
        assertThatThrownBy(() -> Checkpoint.open(path).close())
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining(words);
    }

    private static List<Activation> activations(Checkpoint checkpoint) {
        return checkpoint.texts().stream()
                .map(text -> text.config().layers().activation())
                .toList();
    }

    private static Path model(String kit) {
        return Kit.root().resolve(kit).resolve("model");
    }

    private static Map<String, Tensor> loaded(WeightSource source) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        source.names().forEach(n -> tensors.put(n, source.load(n)));
        return tensors;
    }

    private static void assertSame(WeightSource expected, WeightSource actual) {
        assertThat(actual.names()).containsExactlyInAnyOrderElementsOf(expected.names());
        for (String name : expected.names()) {
            try (TensorScope scope = TensorScope.open()) {
                assertThat(actual.info(name)).as(name).isEqualTo(expected.info(name));
                assertThat(actual.load(name).equal(expected.load(name)))
                        .as(name)
                        .isTrue();
            }
        }
    }

    /** Makes two files and an index of one. */
    private static void split(Path part, String stem) throws IOException {
        Path whole = part.resolve(stem + ".safetensors");
        Map<String, String> index = new HashMap<>();
        try (WeightFile file = WeightFile.open(whole);
                TensorScope scope = TensorScope.open()) {
            List<String> names = List.copyOf(file.names());
            for (int k = 0; k < 2; k++) {
                String shard = "%s-0000%d-of-00002.safetensors".formatted(stem, k + 1);
                Map<String, Tensor> half = new LinkedHashMap<>();
                for (String name : names.subList(k * names.size() / 2, (k + 1) * names.size() / 2)) {
                    half.put(name, file.load(name));
                    index.put(name, shard);
                }
                SafetensorsWriter.write(part.resolve(shard), half);
            }
        }
        Files.delete(whole);
        new ObjectMapper()
                .writeValue(part.resolve(stem + ".safetensors.index.json").toFile(), Map.of("weight_map", index));
    }
}
