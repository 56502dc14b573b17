package org.deltasampling.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Collections;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class TensorScopeTest {

    @Test
    void freesEverythingMadeInside() {
        long before = TensorScope.liveObjects();
        try (TensorScope scope = TensorScope.open()) {
            new Latent(torch.ones(2, 3)).times(2).plus(1);
            assertThat(TensorScope.liveObjects()).isGreaterThan(before);
        }
        assertThat(TensorScope.liveObjects()).isEqualTo(before);
    }

    @Test
    void movesTheResultOutAndFreesTheTemporaries() {
        try (TensorScope scope = TensorScope.open()) {
            Latent one = new Latent(torch.ones(2, 3));
            long before = TensorScope.liveObjects();
            Latent y = TensorScope.scoped(() -> one.times(2).times(2).plus(one));
            assertThat(TensorScope.liveObjects()).isEqualTo(before + 1);
            assertThat(y.tensor().sum().item_double()).isEqualTo(30);
        }
    }

    @Test
    void aScopedBodyMayReturnItsInput() {
        try (TensorScope scope = TensorScope.open()) {
            Latent one = new Latent(torch.ones(2));
            assertThat(TensorScope.scoped(() -> one).norm())
                    .isCloseTo(Math.sqrt(2), org.assertj.core.data.Offset.offset(1e-6));
            assertThat(one.tensor().sum().item_double()).isEqualTo(2);
        }
    }

    @Test
    void foldEqualsTheLoopInConstantMemory() {
        long atStart = TensorScope.liveObjects();
        try (TensorScope scope = TensorScope.open()) {
            Latent start = new Latent(torch.ones(4));
            long before = TensorScope.liveObjects();
            Latent end = TensorScope.fold(
                    start,
                    Collections.nCopies(100, 1),
                    (x, step) -> x.times(1.5).plus(-0.25));
            assertThat(TensorScope.liveObjects()).isEqualTo(before + 1);
            float expected = 1;
            for (int i = 0; i < 100; i++) {
                expected = expected * 1.5f - 0.25f;
            }
            assertThat(end.tensor().select(0, 0).item_float()).isEqualTo(expected);
            assertThat(start.tensor().sum().item_double()).isEqualTo(4);
        }
        assertThat(TensorScope.liveObjects()).isEqualTo(atStart);
    }

    @Test
    void aHeldTensorOutlivesItsScope() {
        long before = TensorScope.liveObjects();
        Held held;
        try (TensorScope scope = TensorScope.open()) {
            held = Held.of(torch.ones(3));
        }
        try (held;
                TensorScope scope = TensorScope.open()) {
            assertThat(held.tensor().sum().item_double()).isEqualTo(3);
        }
        assertThat(TensorScope.liveObjects()).isEqualTo(before);
    }

    @Test
    void refusesToKeepAnElementOfAContainer() {
        try (TensorScope scope = TensorScope.open()) {
            TensorVector parts = torch.ones(4).chunk(2);
            Tensor view = parts.get(0);
            assertThatThrownBy(() -> Held.of(view)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void recordsNoGradientUnlessAsked() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor w = torch.ones(2).set_requires_grad(true);
            assertThat(w.mul(w).requires_grad()).isFalse();
            try (TensorScope training = TensorScope.recording()) {
                assertThat(w.mul(w).requires_grad()).isFalse();
            }
        }
        try (TensorScope training = TensorScope.recording()) {
            Tensor w = torch.ones(2).set_requires_grad(true);
            assertThat(w.mul(w).requires_grad()).isTrue();
        }
    }
}
