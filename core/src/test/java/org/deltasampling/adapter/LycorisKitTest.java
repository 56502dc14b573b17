package org.deltasampling.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSource;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The weights of a UNet after adapters of each kind, as ComfyUI computes them. */
@ExtendWith(NoLeaks.class)
class LycorisKitTest {

    @ParameterizedTest
    @CsvSource({
        "lycoris-dora, LoRA with DoRA",
        "lycoris-dora-in, LoRA with DoRA",
        "lycoris-full, full difference",
        "lycoris-glora, GLoRA",
        "lycoris-locon-mid, LoRA with a Tucker core",
        "lycoris-loha, LoHa",
        "lycoris-loha-tucker, LoHa with a Tucker core",
        "lycoris-lokr, LoKr",
        "lycoris-oft, OFT",
    })
    void theWeightsAreThoseOfComfyUi(String name, String kind) {
        Kit.Case kit = Kit.at(name);
        try (Checkpoint model = Checkpoint.open(kit.path("model"));
                AdapterFile adapter = AdapterFile.open(kit.path("adapter"));
                ResidentWeights base = new ResidentWeights(model.network().weights(), Precision.FLOAT32);
                WeightFile io = WeightFile.open(kit.folder().resolve("io.safetensors"));
                TensorScope scope = TensorScope.open()) {
            assertThat(adapter.summary().kind()).isEqualTo(kind);
            WeightChanges changes =
                    Objects.requireNonNull(adapter.on(model).changes().get("unet"));
            Set<String> answers = io.names().stream()
                    .map(answer -> answer.substring("out.".length()))
                    .collect(Collectors.toSet());
            assertThat(changes.touched()).isEqualTo(answers);
            WeightSource changed =
                    changes.at(kit.json().required("weight").doubleValue()).weights(base);
            for (String weight : answers) {
                TensorAssert.assertThat(changed.load(weight))
                        .as(weight)
                        .isCloseTo(io.load("out." + weight), Kit.NETWORK);
            }
        }
    }
}
