package org.deltasampling.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.adapter.AdapterKind.Roles;
import org.deltasampling.adapter.AdapterKind.Sizes;
import org.deltasampling.adapter.AdapterKind.TensorKey;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What a new kind of adapter takes: a class, here {@link Sum}, and its rows in the table. */
@ExtendWith(NoLeaks.class)
class AdapterKindTest {

    /** W + strength * D, for weights and biases of any shape. */
    private record Sum(AdapterTensor difference, UnaryOperator<Tensor> rows) implements WeightChange {

        static final AdapterKind OF_WEIGHTS = kind("weight", ".plus_w");
        static final AdapterKind OF_BIASES = kind("bias", ".plus_b");

        private static AdapterKind kind(String parameter, String suffix) {
            return new AdapterKind(
                    "sum",
                    parameter,
                    List.of(new TensorKey("toy", suffix, "difference")),
                    Roles.all("difference"),
                    Sizes.NONE,
                    (module, target) -> new Sum(module.tensor("difference"), target.rows()));
        }

        @Override
        public boolean fits(long[] shape) {
            return Arrays.equals(difference.shape(), shape);
        }

        @Override
        public Tensor apply(Tensor weight, double strength) {
            return weight.add(rows.apply(difference.load()).to(weight.scalar_type()), new Scalar(strength));
        }
    }

    private static final List<AdapterKind> TABLE = List.of(LowRank.KIND, Sum.OF_WEIGHTS, Sum.OF_BIASES);
    private static final String NORM = "down_blocks.0.attentions.0.norm";
    private static final String CONV = "conv_in";

    @TempDir
    Path folder;

    @Test
    void aKindOfItsOwnChangesConvolutionsNormsAndBiasesBesideALora() {
        try (Checkpoint model = Checkpoint.open(TinyModels.sd1(folder.resolve("model"), 1));
                TensorScope scope = TensorScope.open()) {
            WeightSource base = model.network().weights();
            Map<String, Tensor> file = new LinkedHashMap<>();
            Map<String, Tensor> differences = new LinkedHashMap<>();
            put(file, differences, "unet." + NORM + ".plus_w", base, NORM + ".weight");
            put(file, differences, "unet." + NORM + ".plus_b", base, NORM + ".bias");
            put(file, differences, "lora_unet_conv_in.plus_w", base, CONV + ".weight");
            Tensor w = base.load("time_embedding.linear_1.weight");
            file.put("lora_unet_time_embedding_linear_1.lora_down.weight", torch.randn(2, w.size(1)));
            file.put("lora_unet_time_embedding_linear_1.lora_up.weight", torch.randn(w.size(0), 2));
            try (AdapterFile adapter = AdapterFile.open(written(file), TABLE)) {
                assertThat(adapter.summary().kind()).isEqualTo("LoRA and sum");
                assertThat(adapter.summary().layers()).isEqualTo(3);
                WeightChanges changes =
                        Objects.requireNonNull(adapter.on(model).changes().get("unet"));
                assertThat(changes.touched()).hasSize(4).containsAll(differences.keySet());
                differences.forEach((name, difference) -> {
                    Tensor expected =
                            base.load(name).add(difference.to(base.load(name).scalar_type()), new Scalar(0.5));
                    assertThat(changes.at(0.5).weights(base).load(name).equal(expected))
                            .as(name)
                            .isTrue();
                });
            }
        }
    }

    @Test
    void aShapeThatTheKindDoesNotFitIsRefused() {
        try (Checkpoint model = Checkpoint.open(TinyModels.sd1(folder.resolve("model"), 1));
                TensorScope scope = TensorScope.open()) {
            Path path = written(Map.of("unet." + NORM + ".plus_b", torch.randn(7)));
            try (AdapterFile adapter = AdapterFile.open(path, TABLE)) {
                assertThatThrownBy(() -> adapter.on(model))
                        .isInstanceOf(BadWeightsException.class)
                        .hasMessageContaining("unet." + NORM + " has difference [7] for a tensor [32]");
            }
        }
    }

    private static void put(
            Map<String, Tensor> file, Map<String, Tensor> differences, String key, WeightSource base, String weight) {
        Tensor difference = torch.randn(base.info(weight).shape());
        file.put(key, difference);
        differences.put(weight, difference);
    }

    private Path written(Map<String, Tensor> tensors) {
        Path path = folder.resolve("adapter.safetensors");
        SafetensorsWriter.write(path, tensors);
        return path;
    }
}
