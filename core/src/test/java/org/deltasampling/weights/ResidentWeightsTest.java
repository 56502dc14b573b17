package org.deltasampling.weights;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
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
