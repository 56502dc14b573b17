package org.deltasampling.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.TinyModels;
import org.deltasampling.adapter.AdapterFile;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NoLeaks.class)
class LowRankAdaptationTest {

    private static final String ADAPTED = "unet.mid_block.attentions.0.";

    @TempDir
    Path folder;

    /** The UNet's weights under unet., float32; borrowed from {@code model}. */
    private static WeightSource base(Checkpoint model) {
        Map<String, String> names = new LinkedHashMap<>();
        model.network().weights().names().forEach(name -> names.put("unet." + name, name));
        return WeightSources.renamed(WeightSources.in(model.network().weights(), Precision.FLOAT32), names);
    }

    private static Tensor weight(Parameters parameters, WeightSource base, String name) {
        return parameters.get(name, base.info(name).shape());
    }

    @Test
    void isNoChangeAtFirstAndThenWhatItsFileSays() {
        torch.manual_seed(2);
        Path file = folder.resolve("adapter.safetensors");
        try (Checkpoint model = Checkpoint.open(TinyModels.sd1(folder.resolve("model"), 1));
                TensorScope scope = TensorScope.open()) {
            WeightSource base = base(model);
            LowRankAdaptation adaptation = new LowRankAdaptation(base, layer -> layer.startsWith(ADAPTED), 3);
            try (TrainableParameters factors = TrainableParameters.initialised(adaptation::declare)) {
                Parameters adapted = adaptation.over(factors);
                base.names()
                        .forEach(name -> TensorAssert.assertThat(weight(adapted, base, name))
                                .isSameAs(base.load(name)));

                factors.set(torch.randn(factors.count()).mul(new Scalar(0.1)));
                SafetensorsWriter.write(file, adaptation.file(factors), Map.of());
                try (AdapterFile written = AdapterFile.open(file)) {
                    WeightSource merged = Objects.requireNonNull(
                                    written.on(model).changes().get("unet"))
                            .weights(WeightSources.in(model.network().weights(), Precision.FLOAT32));
                    for (String name : base.names()) {
                        TensorAssert.assertThat(merged.load(name.substring("unet.".length())))
                                .isCloseTo(weight(adapted, base, name), 1e-6);
                    }
                }
                assertThat(base.names().stream()
                                .filter(name -> TensorAssert.error(weight(adapted, base, name), base.load(name)) > 0))
                        .hasSizeGreaterThan(5)
                        .allMatch(name -> name.startsWith(ADAPTED) && name.endsWith(".weight"));
            }
        }
    }
}
