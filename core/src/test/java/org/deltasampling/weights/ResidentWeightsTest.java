package org.deltasampling.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ResidentWeightsTest {

    @TempDir
    Path folder;

    private Path path;
    private long before;

    @BeforeEach
    void writeFile() {
        path = folder.resolve("w.safetensors");
        try (TensorScope scope = TensorScope.open()) {
            SafetensorsWriter.write(
                    path,
                    Map.of(
                            "a", torch.ones(64).to(torch.ScalarType.Half),
                            "b", torch.ones(64).mul(new Scalar(3)).to(torch.ScalarType.Half),
                            "ids", torch.ones(3).to(torch.ScalarType.Long)));
        }
        before = TensorScope.liveObjects();
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(TensorScope.liveObjects()).isEqualTo(before);
    }

    @Test
    void eachTensorIsLoadedOnceInThePrecisionAsked() {
        try (SafetensorsFile file = SafetensorsFile.open(path);
                ResidentWeights weights = new ResidentWeights(file, Precision.FLOAT32)) {
            assertThat(weights.info("a")).isEqualTo(new TensorInfo(torch.ScalarType.Float, new long[] {64}));
            assertThat(weights.info("ids").type()).isEqualTo(torch.ScalarType.Long);
            Tensor b = weights.load("b");
            assertThat(TensorInfo.of(b)).isEqualTo(weights.info("b"));
            assertThat(weights.load("b")).isSameAs(b);
            try (TensorScope scope = TensorScope.open()) {
                assertThat(b.sum().item_double()).isEqualTo(192);
            }
        }
    }

    @Test
    void eightBitNumbersAreWidened() {
        Path eight = path.resolveSibling("eight.safetensors");
        try (TensorScope scope = TensorScope.open()) {
            Tensor numbers = torch.randn(2, 6);
            Tensor more = numbers.to(torch.ScalarType.Float8_e4m3fn);
            Tensor wider = numbers.to(torch.ScalarType.Float8_e5m2);
            SafetensorsWriter.write(eight, Map.of("more", more, "wider", wider));
            try (SafetensorsFile file = SafetensorsFile.open(eight);
                    ResidentWeights weights = new ResidentWeights(file, Precision.FLOAT32)) {
                assertThat(weights.info("more").type()).isEqualTo(torch.ScalarType.Float);
                assertThat(weights.load("more").equal(more.to(torch.ScalarType.Float)))
                        .isTrue();
                assertThat(weights.load("wider").equal(wider.to(torch.ScalarType.Float)))
                        .isTrue();
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"NaN, Float", "Infinity, Half", "-Infinity, BFloat16", "NaN, Float8_e4m3fn", "Infinity, Float8_e5m2"})
    void valuesThatAreNotFiniteAreRefusedWithFileAndName(double value, torch.ScalarType type) {
        Path bad = path.resolveSibling("bad.safetensors");
        try (TensorScope scope = TensorScope.open()) {
            Tensor numbers = torch.ones(4, 6);
            numbers.view(-1).narrow(0, 7, 1).fill_(new Scalar(value));
            SafetensorsWriter.write(bad, Map.of("m.x.weight", numbers.to(type)));
        }
        try (WeightFile file = WeightFile.open(bad);
                ResidentWeights asTheyAre = new ResidentWeights(file);
                ResidentWeights converted = new ResidentWeights(
                        KeyTable.of(List.of("within m", "a = x"), Map.of(), Map.of())
                                .over(file),
                        Precision.FLOAT32)) {
            assertThatThrownBy(() -> asTheyAre.load("m.x.weight"))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContainingAll("bad.safetensors", "m.x.weight", "not finite numbers");
            assertThatThrownBy(() -> converted.load("a.weight"))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContainingAll("bad.safetensors", "m.x.weight", "not finite numbers");
        }
    }

    @Test
    void numbersWhoseSumOverflowsAreStillNumbers() {
        Path large = path.resolveSibling("large.safetensors");
        try (TensorScope scope = TensorScope.open()) {
            SafetensorsWriter.write(
                    large,
                    Map.of("a", torch.full(new long[] {9}, new Scalar(6e4)).to(torch.ScalarType.Half)));
        }
        try (WeightFile file = WeightFile.open(large);
                ResidentWeights weights = new ResidentWeights(file)) {
            assertThat(weights.load("a").numel()).isEqualTo(9);
        }
    }

    @Test
    void aTensorThatHasThePrecisionIsNotCopied() {
        try (SafetensorsFile file = SafetensorsFile.open(path);
                ResidentWeights weights = new ResidentWeights(file, Precision.FLOAT16);
                TensorScope scope = TensorScope.open()) {
            assertThat(storage(weights.load("a"))).isEqualTo(storage(file.load("a")));
        }
    }

    @Test
    void anAdaptedModelHoldsOnlyWhatIsChanged() {
        try (SafetensorsFile file = SafetensorsFile.open(path);
                ResidentWeights base = new ResidentWeights(file, Precision.FLOAT32);
                ResidentWeights adapted = new ResidentWeights(doubling("b", base), Precision.FLOAT32);
                TensorScope scope = TensorScope.open()) {
            assertThat(storage(adapted.load("a"))).isEqualTo(storage(base.load("a")));
            assertThat(storage(adapted.load("b"))).isNotEqualTo(storage(base.load("b")));
            assertThat(adapted.load("b").sum().item_double()).isEqualTo(384);
            assertThat(base.load("b").sum().item_double()).isEqualTo(192);
        }
    }

    private static long storage(Tensor tensor) {
        return tensor.storage().data().address();
    }

    private static WeightSource doubling(String changed, WeightSource base) {
        return new WeightView() {
            @Override
            public WeightSource source() {
                return base;
            }

            @Override
            public Tensor load(String name) {
                return name.equals(changed) ? base.load(name).mul(new Scalar(2)) : base.load(name);
            }
        };
    }
}
