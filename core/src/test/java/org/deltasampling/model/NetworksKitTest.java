package org.deltasampling.model;

import static org.deltasampling.TensorAssert.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import org.assertj.core.api.Assertions;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.t5.T5Encoder;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Single networks against diffusers and transformers. */
@ExtendWith(NoLeaks.class)
class NetworksKitTest {

    @ParameterizedTest
    @ValueSource(strings = {"unet-sd1", "unet-sd2", "unet-sdxl", "mmdit-sd3", "mmdit-sd35m", "mmdit-sd35l"})
    void network(String name) {
        Kit.Case kit = Kit.at(name);
        Path model = kit.path("model");
        JsonNode json = Kit.json(model.resolve("config.json"));
        Backbone.Config config = name.startsWith("unet") ? UNet.Config.read(json) : MMDiT.Config.read(json);
        try (WeightFile file = WeightFile.open(model.resolve("diffusion_pytorch_model.safetensors"));
                ResidentWeights weights = new ResidentWeights(file, Precision.FLOAT32);
                TensorScope scope = TensorScope.open()) {
            assertThat(config.network(Parameters.from(weights))
                            .predict(
                                    kit.tensor("in.sample"),
                                    kit.tensor("in.timestep"),
                                    new Conditioning(
                                            kit.tensor("in.context"),
                                            kit.has("in.pooled") ? kit.tensor("in.pooled") : null,
                                            kit.has("in.time_ids") ? kit.tensor("in.time_ids") : null)))
                    .isCloseTo(kit.tensor("out.sample"), Kit.NETWORK);
        }
    }

    /** The names of Stability's files, written and read, and what their shapes alone tell. */
    @ParameterizedTest
    @ValueSource(strings = {"mmdit-sd3", "mmdit-sd35m", "mmdit-sd35l"})
    void theOriginalNamesAreOneToOne(String name) {
        Path model = Kit.at(name).path("model");
        MMDiT.Config config = MMDiT.Config.read(Kit.json(model.resolve("config.json")));
        KeyTable table = OriginalLayout.mmdit(config);
        try (WeightFile file = WeightFile.open(model.resolve("diffusion_pytorch_model.safetensors"));
                TensorScope scope = TensorScope.open()) {
            WeightSource spelled = table.inFileNames(file);
            Assertions.assertThat(spelled.names())
                    .contains("model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight")
                    .allMatch(n -> n.startsWith("model.diffusion_model.") && !n.contains("transformer_blocks"));
            WeightSource read = OriginalLayout.mmdit(spelled.names()).over(spelled);
            Assertions.assertThat(read.names()).containsExactlyInAnyOrderElementsOf(file.names());
            read.names().forEach(n -> assertThat(read.load(n)).as(n).isSameAs(file.load(n)));
            MMDiT.Config inferred = MMDiT.Config.infer(read);
            Assertions.assertThat(inferred.blocks().dual())
                    .isEqualTo(config.blocks().dual());
            Assertions.assertThat(inferred.patches()).isEqualTo(config.patches());
            if (config.blocks().normedQueries()) { // else 64 channels a head, as in the published models
                Assertions.assertThat(inferred).isEqualTo(config);
            }
        }
    }

    @Test
    void t5() {
        Kit.Case kit = Kit.at("t5");
        Path model = kit.path("model");
        try (WeightFile file = WeightFile.open(model.resolve("model.safetensors"));
                ResidentWeights weights = new ResidentWeights(file, Precision.FLOAT32);
                TensorScope scope = TensorScope.open()) {
            T5Encoder.Config config = T5Encoder.Config.read(Kit.json(model.resolve("config.json")));
            Assertions.assertThat(T5Encoder.Config.infer(file)).isEqualTo(config);
            T5Encoder t5 = new T5Encoder(config, Parameters.from(weights));
            assertThat(t5.encode(kit.tensor("in.ids"))).isCloseTo(kit.tensor("out.last"), Kit.NETWORK);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"vae-4ch", "vae-xl", "vae-16ch"})
    void autoencoder(String name) {
        Kit.Case kit = Kit.at(name);
        Path model = kit.path("model");
        try (WeightFile file = WeightFile.open(model.resolve("diffusion_pytorch_model.safetensors"));
                ResidentWeights weights = new ResidentWeights(file, Precision.FLOAT32);
                TensorScope scope = TensorScope.open()) {
            AutoencoderKl vae = new AutoencoderKl(
                    AutoencoderKl.Config.read(Kit.json(model.resolve("config.json"))), Parameters.from(weights));
            AutoencoderKl.Moments moments = vae.encode(new ImageTensor(kit.tensor("in.image")));
            assertThat(moments.mean()).isCloseTo(kit.tensor("out.mean"), Kit.NETWORK);
            assertThat(moments.logVariance()).isCloseTo(kit.tensor("out.logvar"), Kit.NETWORK);
            assertThat(vae.decode(new Latent(kit.tensor("in.latent"))).tensor())
                    .isCloseTo(kit.tensor("out.decoded"), Kit.NETWORK);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"clip-l", "clip-g"})
    void textEncoder(String name) {
        Kit.Case kit = Kit.at(name);
        Path model = kit.path("model");
        ClipText.Config config = ClipText.Config.read(Kit.json(model.resolve("config.json")));
        try (WeightFile file = WeightFile.open(model.resolve("model.safetensors"));
                ResidentWeights weights =
                        new ResidentWeights(TextEncoder.tableOfFolder(config).over(file), Precision.FLOAT32);
                TensorScope scope = TensorScope.open()) {
            ClipText clip = new ClipText(config, Parameters.from(weights));
            ClipText.Output output = clip.encode(kit.tensor("in.ids"));
            assertThat(output.penultimate()).isCloseTo(kit.tensor("out.penultimate"), Kit.NETWORK);
            if (kit.has("out.last")) {
                assertThat(output.last()).isCloseTo(kit.tensor("out.last"), Kit.NETWORK);
            }
            assertThat(output.pooled())
                    .isCloseTo(kit.tensor(config.projection() == 0 ? "out.pooled" : "out.projected"), Kit.NETWORK);
        }
    }
}
