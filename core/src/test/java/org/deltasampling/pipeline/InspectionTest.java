package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@ExtendWith(NoLeaks.class)
class InspectionTest {

    @TempDir
    Path folder;

    @Test
    void aModelIsDescribed() throws IOException {
        Inspection sd2 = Inspection.of(Kit.root().resolve("pipe-sd2/model"));
        assertThat(sd2.loadable()).isTrue();
        JsonNode json = new ObjectMapper().readTree(sd2.toJson());
        assertThat(json.get("family").asText()).isEqualTo("Stable Diffusion 2.x");
        assertThat(json.get("prediction").asText()).isEqualTo("v_prediction");
        assertThat(json.get("parts").findValuesAsText("name")).containsExactly("unet", "vae", "text_encoder");
        assertThat(json.at("/parts/0/precisions/0").asText()).isEqualTo("float16");
        assertThat(json.at("/parts/0/parameters").asLong()).isPositive();
        assertThat(sd2.toText())
                .contains("Stable Diffusion 2.x")
                .contains("unet")
                .contains("float16");
    }

    @Test
    void xlIsKnown() {
        Inspection xl = Inspection.of(Kit.root().resolve("pipe-sdxl/model"));
        assertThat(xl.loadable()).isTrue();
        assertThat(xl.toText())
                .contains("Stable Diffusion XL")
                .contains("epsilon")
                .contains("text_encoder_2");
    }

    @Test
    void flowsAreKnown() {
        Inspection medium = Inspection.of(Kit.root().resolve("pipe-sd35m/model"));
        assertThat(medium.loadable()).isTrue();
        assertThat(medium.toText())
                .contains("Stable Diffusion 3.5 medium")
                .contains("predicts      flow")
                .contains("transformer")
                .contains("text_encoder_3");
        Inspection large = Inspection.of(Kit.root().resolve("mmdit-sd35l/model/diffusion_pytorch_model.safetensors"));
        assertThat(large.family()).isEqualTo("Stable Diffusion 3.5 large");
        assertThat(large.problem()).contains("has no autoencoder");
    }

    @Test
    void aLoraIsDescribed() {
        Inspection lora = Inspection.of(Kit.root().resolve("delta-sd1-sdxl-lora/lora.safetensors"));
        assertThat(lora.loadable()).isTrue();
        assertThat(lora.kind()).isEqualTo("a LoRA");
        assertThat(lora.toText()).contains("kohya").contains("73, of rank").contains("32 wide");
    }

    @ParameterizedTest
    @CsvSource({
        "lycoris-loha/adapter.safetensors, a LoRA of the kind LoHa",
        "lycoris-dora/adapter.safetensors, a LoRA of the kind LoRA with DoRA",
        "controlnet-sd1/controlnet/diffusion_pytorch_model.safetensors, a ControlNet",
        "t2i-adapter-sd1/adapter, a T2I-Adapter",
        "ip-adapter-plus-sd1/ip-adapter.safetensors, an IP-Adapter Plus",
        "textual-inversion-sd1/other.pt, a textual inversion"
    })
    void adaptersOfEveryKindAreNamed(String file, String kind) {
        Inspection adapter = Inspection.of(Kit.root().resolve(file));
        assertThat(adapter.problem()).isNull();
        assertThat(adapter.kind()).startsWith(kind);
    }

    @Test
    void whatCannotBeLoadedSaysWhy() throws IOException {
        Path page = Files.writeString(folder.resolve("page.safetensors"), "<!DOCTYPE html>");
        assertThat(Inspection.of(page).problem()).contains("web page");
        assertThat(Inspection.of(folder).problem()).contains("no model_index.json");
    }
}
