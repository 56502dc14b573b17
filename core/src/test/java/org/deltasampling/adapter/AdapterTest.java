package org.deltasampling.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.TensorInfo;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The laws of adapters. */
@ExtendWith(NoLeaks.class)
class AdapterTest {

    @Test
    void aMergedLinearWeightIsWxPlusScaleTimesBAx() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor w = doubles(6, 5);
            Tensor a = doubles(2, 5);
            Tensor b = doubles(6, 2);
            Tensor x = doubles(3, 5);
            Tensor expected = torch.linear(x, w).add(torch.linear(torch.linear(x, a), b), new Scalar(0.7));
            assertNear(torch.linear(x, LowRank.merge(w, a, b, 0.7)), expected);
        }
    }

    @Test
    void aMergedConvolutionIsTheSumOfConvolutions() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor w = doubles(6, 5, 3, 3);
            Tensor a = doubles(2, 5, 3, 3);
            Tensor b = doubles(6, 2, 1, 1);
            Tensor x = doubles(1, 5, 8, 8);
            Tensor expected = torch.conv2d(x, w).add(torch.conv2d(torch.conv2d(x, a), b), new Scalar(-1.5));
            assertNear(torch.conv2d(x, LowRank.merge(w, a, b, -1.5)), expected);
        }
    }

    @Test
    void linearFactorsFitAPointwiseConvolutionAndTheOtherWayRound() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor w = doubles(6, 5);
            Tensor a = doubles(2, 5);
            Tensor b = doubles(6, 2);
            Tensor merged = LowRank.merge(w, a, b, 2);
            Tensor conv = LowRank.merge(w.view(6, 5, 1, 1), a, b, 2);
            assertThat(TensorInfo.of(conv).shape()).containsExactly(6, 5, 1, 1);
            assertNear(conv.view(6, 5), merged);
            assertNear(LowRank.merge(w, a.view(2, 5, 1, 1), b.view(6, 2, 1, 1), 2), merged);
        }
    }

    @Test
    void theResultHasTheTypeOfTheWeightAndStrengthZeroChangesNothing() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor w = torch.randn(4, 4).to(torch.ScalarType.BFloat16);
            Tensor a = torch.randn(1, 4).to(torch.ScalarType.Half);
            Tensor b = torch.randn(4, 1).to(torch.ScalarType.Half);
            assertThat(LowRank.merge(w, a, b, 1).scalar_type().intern()).isEqualTo(torch.ScalarType.BFloat16);
            WeightSource none = WeightChanges.of("test", Map.of("w", LowRank.of(a, b, 1)))
                    .at(0)
                    .weights(WeightSources.of(Map.of("w", w)));
            assertThat(none.load("w").equal(w)).isTrue();
        }
    }

    @Test
    void gradientsPassToTheFactors() {
        try (TensorScope scope = TensorScope.recording()) {
            Tensor w = torch.randn(4, 4);
            Tensor a = torch.randn(2, 4).set_requires_grad(true);
            Tensor b = torch.randn(4, 2).set_requires_grad(true);
            WeightSource merged = WeightChanges.of("test", Map.of("w", LowRank.of(a, b, 0.5)))
                    .weights(WeightSources.of(Map.of("w", w)));
            merged.load("w").sum().backward();
            // d sum(0.5 B A) / dA is 0.5 times the column sums of B, in every column of A
            Tensor expected =
                    b.detach().sum(0).mul(new Scalar(0.5)).unsqueeze(1).expand(2, 4);
            assertThat(torch.allclose(a.grad(), expected)).isTrue();
        }
    }

    @Test
    void adaptersApplyInOrder() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor w = doubles(4, 4);
            Tensor tuned = doubles(4, 4);
            Tensor a = doubles(1, 4);
            Tensor b = doubles(4, 1);
            WeightSource base = WeightSources.of(Map.of("w", w, "other", w));
            Adapter lora = WeightChanges.of("test", Map.of("w", LowRank.of(a, b, 1)));
            Adapter fineTune = new FineTune(WeightSources.of(Map.of("w", tuned)));
            Tensor product = torch.mm(b, a);
            assertNear(fineTune.then(lora).weights(base).load("w"), tuned.add(product));
            assertNear(lora.then(fineTune).weights(base).load("w"), tuned);
            assertNear(lora.then(lora).weights(base).load("w"), w.add(product, new Scalar(2)));
            assertThat(lora.then(fineTune).weights(base).load("other").equal(w)).isTrue();
            assertThat(Adapter.NONE.weights(base)).isSameAs(base);
        }
    }

    @Test
    void aFineTuneOfAnotherModelIsRefused() {
        try (TensorScope scope = TensorScope.open()) {
            WeightSource base = WeightSources.of(Map.of("w", torch.zeros(2, 2)));
            assertThatThrownBy(() -> new FineTune(WeightSources.of(Map.of("w", torch.zeros(2, 3)))).weights(base))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("not a fine-tune");
        }
    }

    private static Tensor doubles(long... shape) {
        return torch.randn(shape).to(torch.ScalarType.Double);
    }

    private static void assertNear(Tensor actual, Tensor expected) {
        assertThat(torch.allclose(actual, expected, 1e-10, 1e-10, false)).isTrue();
    }
}
